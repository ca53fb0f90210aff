/** Sees when a process has no descriptor left: connections that come then are closed below Node, which tells nobody. */
import { hasDescriptorLeft } from '../storage/local/kernel/descriptors.ts'

const lookMilliseconds = 1000

/** Close it. */
export class DescriptorWatch {
  readonly #timer: NodeJS.Timeout

  /** `onNone` is called once a second for as long as there is none. */
  constructor(onNone: () => void) {
    this.#timer = setInterval(() => {
      if (!hasDescriptorLeft()) onNone()
    }, lookMilliseconds)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
