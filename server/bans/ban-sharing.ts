/** Keeps a book of bans and a directory of files alike: what others write comes in, what this server gives goes out. */
import type { Ban } from './ban.ts'
import type { BanBook } from './ban-book.ts'
import { BanDirectory, refreshMilliseconds } from './ban-directory.ts'

export type BanSharingOptions = {
  readonly book: BanBook
  readonly directory: string
  readonly instance: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Bans that others gave have come into force here. */
  readonly onBegun: (bans: readonly Ban[]) => void
  /** Names of files that can't be used. */
  readonly onBroken: (names: readonly string[]) => void
  /** The directory can't be used: bans are in memory only until it can. Undefined when it can again. */
  readonly onTrouble: (error: unknown) => void
}

export class BanSharing {
  readonly #options: BanSharingOptions
  readonly #files: BanDirectory
  #writtenRevision: number | undefined
  #writtenAt = 0
  #running: Promise<void> | undefined
  #inTrouble = false

  constructor(options: BanSharingOptions) {
    this.#options = options
    this.#files = new BanDirectory(options)
  }

  get directory(): string {
    return this.#options.directory
  }

  /** Reads and writes what has changed; resolves when that is done. While a volume hangs, further calls wait for the same. Never rejects. */
  exchange(): Promise<void> {
    this.#running ??= this.#exchange().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #exchange(): Promise<void> {
    const { onTrouble } = this.#options
    try {
      // Before the first write nothing is known of the directory, not even whether it is there.
      if (this.#writtenRevision === undefined) await this.#files.make()
      const ownIsMissing = await this.#takeIn()
      await this.#giveOut(ownIsMissing)
      if (this.#inTrouble) onTrouble(undefined)
      this.#inTrouble = false
    } catch (error) {
      if (!this.#inTrouble) onTrouble(error)
      this.#inTrouble = true
    }
  }

  async #takeIn(): Promise<boolean> {
    const { book, now, onBegun, onBroken } = this.#options
    const { changed, orphaned, broken, ownIsMissing } = await this.#files.read()
    if (broken.length > 0) onBroken(broken)
    const begun = [
      ...changed.flatMap(bans => book.takeOver(bans, 'of-others', now())),
      ...orphaned.flatMap(bans => book.takeOver(bans, 'own', now())),
    ]
    if (begun.length > 0) onBegun(begun)
    return ownIsMissing
  }

  async #giveOut(ownIsMissing: boolean): Promise<void> {
    const { book, now } = this.#options
    const revision = book.ownRevision
    const isOld = Math.abs(now() - this.#writtenAt) >= refreshMilliseconds
    if (ownIsMissing || isOld || revision !== this.#writtenRevision) {
      await this.#files.write(book.own())
      this.#writtenRevision = revision
      this.#writtenAt = now()
    }
    // Not before this server's own file has what was in them.
    await this.#files.reap()
  }
}
