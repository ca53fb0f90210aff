/** State that all processes of a server share: what a session takes in one of them is taken in all. */

/** What can be taken: places for transfers, of all and of a user by the name; a user's places for sessions, by the user's name; a file to write to, by its identity; a turn to compute a checksum; one to deflate or inflate a transfer; a one-time code by step and user; a wrong one by user. */
export type ClaimKind =
  | 'transfer'
  | 'transfer-of-user'
  | 'session-of-user'
  | 'upload'
  | 'checksum'
  | 'deflate'
  | 'one-time-code'
  | 'wrong-code'

/** Nobody has said in time whether a claim is granted: too many wait, or whoever decides is gone. */
export class SharedStateError extends Error {
  override readonly name = 'SharedStateError'
}

/** The seam: in the process that decides, everything is known at once; in another one, it has to be asked for. */
export interface SharedState {
  /** Takes one of at most `limit` places; false if all are taken. Without a limit it is only counted. A promise may reject with a SharedStateError; nothing is taken then. */
  claim(kind: ClaimKind, key: string, limit: number | undefined): boolean | Promise<boolean>
  /** Whether any place is taken. A promise may reject with a SharedStateError. */
  isClaimed(kind: ClaimKind, key: string): boolean | Promise<boolean>
  /** Gives back what `claim` took. */
  release(kind: ClaimKind, key: string): void
}

/** Who has taken what. Each process holds its claims by a holder of its own, so that they can be given back when it dies. */
export class SharedLedger {
  readonly #taken = new Map<string, number>()

  holder(): ClaimHolder {
    return new ClaimHolder(this.#taken)
  }

  /** What is taken of a kind, by whomever. */
  taken(kind: ClaimKind): readonly string[] {
    const prefix = placeOf(kind, '')
    return [...this.#taken.keys()].filter(place => place.startsWith(prefix)).map(place => place.slice(prefix.length))
  }
}

export class ClaimHolder implements SharedState {
  readonly #taken: Map<string, number>
  readonly #own = new Map<string, number>()

  constructor(taken: Map<string, number>) {
    this.#taken = taken
  }

  claim(kind: ClaimKind, key: string, limit: number | undefined): boolean {
    const place = placeOf(kind, key)
    if (limit !== undefined && (this.#taken.get(place) ?? 0) >= limit) return false
    add(this.#taken, place, 1)
    add(this.#own, place, 1)
    return true
  }

  isClaimed(kind: ClaimKind, key: string): boolean {
    return this.#taken.has(placeOf(kind, key))
  }

  release(kind: ClaimKind, key: string): void {
    const place = placeOf(kind, key)
    if (!this.#own.has(place)) return
    add(this.#own, place, -1)
    add(this.#taken, place, -1)
  }

  /** Gives back everything this holder has. */
  releaseAll(): void {
    for (const [place, count] of this.#own) add(this.#taken, place, -count)
    this.#own.clear()
  }
}

function placeOf(kind: ClaimKind, key: string): string {
  return `${kind} ${key}`
}

function add(counts: Map<string, number>, place: string, count: number): void {
  const sum = (counts.get(place) ?? 0) + count
  if (sum > 0) counts.set(place, sum)
  else counts.delete(place)
}
