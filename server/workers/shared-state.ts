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
  readonly #taken = new Counts()

  holder(): ClaimHolder {
    return new ClaimHolder(this.#taken)
  }

  /** What is taken of a kind, by whomever. */
  taken(kind: ClaimKind): readonly string[] {
    return [...this.#taken.keys(kind)]
  }
}

/** Places by kind and key. Both words know their hash; one that is made of both would have to be hashed at each call. */
class Counts {
  readonly #kinds = new Map<ClaimKind, Map<string, number>>()

  of(kind: ClaimKind, key: string): number {
    return this.#kinds.get(kind)?.get(key) ?? 0
  }

  keys(kind: ClaimKind): Iterable<string> {
    return this.#kinds.get(kind)?.keys() ?? []
  }

  add(kind: ClaimKind, key: string, count: number): void {
    const counts = this.#kinds.get(kind)
    const sum = (counts?.get(key) ?? 0) + count
    if (sum <= 0) counts?.delete(key)
    else if (counts === undefined) this.#kinds.set(kind, new Map([[key, sum]]))
    else counts.set(key, sum)
  }

  /** Gives all there is, and forgets it. */
  takeAll(tell: (kind: ClaimKind, key: string, count: number) => void): void {
    for (const [kind, counts] of this.#kinds) for (const [key, count] of counts) tell(kind, key, count)
    this.#kinds.clear()
  }
}

export class ClaimHolder implements SharedState {
  readonly #taken: Counts
  readonly #own = new Counts()

  constructor(taken: Counts) {
    this.#taken = taken
  }

  claim(kind: ClaimKind, key: string, limit: number | undefined): boolean {
    if (limit !== undefined && this.#taken.of(kind, key) >= limit) return false
    this.#taken.add(kind, key, 1)
    this.#own.add(kind, key, 1)
    return true
  }

  isClaimed(kind: ClaimKind, key: string): boolean {
    return this.#taken.of(kind, key) > 0
  }

  release(kind: ClaimKind, key: string): void {
    if (this.#own.of(kind, key) === 0) return
    this.#own.add(kind, key, -1)
    this.#taken.add(kind, key, -1)
  }

  /** Gives back everything this holder has. */
  releaseAll(): void {
    this.#own.takeAll((kind, key, count) => this.#taken.add(kind, key, -count))
  }
}
