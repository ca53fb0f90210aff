/** The sessions of a process. */

export type Seated = {
  /** Kept by the roster; undefined outside of one. */
  seat: number | undefined
}

/**
 * A set would leave its table for a new one every few sessions. A table that is in V8's old generation by then keeps the sessions that it
 * had, and the table after it, until all is collected.
 */
export class Roster<Member extends Seated> {
  readonly #members: Member[] = []

  get size(): number {
    return this.#members.length
  }

  has(member: object): boolean {
    return 'seat' in member && typeof member.seat === 'number' && this.#members[member.seat] === member
  }

  add(member: Member): void {
    if (this.has(member)) return
    member.seat = this.#members.length
    this.#members.push(member)
  }

  /** The last one takes the seat. */
  delete(member: Member): void {
    if (!this.has(member)) return
    const last = this.#members.pop()
    const { seat } = member
    member.seat = undefined
    if (last === undefined || last === member || seat === undefined) return
    last.seat = seat
    this.#members[seat] = last
  }

  /** Those that are there now, whatever becomes of them meanwhile. */
  [Symbol.iterator](): ArrayIterator<Member> {
    return this.#members.slice().values()
  }
}
