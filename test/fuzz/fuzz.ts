/** The loop: changes inputs, runs them, keeps those that reach code no other has reached. */
import type { Coverage } from './coverage.ts'
import { mutate, type Random } from './mutate.ts'
import type { Target } from './targets.ts'

export type FuzzResult = {
  readonly runs: number
  /** Inputs that reached something new, beyond those that were given. */
  readonly found: readonly Uint8Array[]
  /** The first input for which the target threw or took too long, and why. */
  readonly failure: { readonly input: Uint8Array; readonly error: unknown } | undefined
}

export type FuzzOptions = {
  readonly corpus: readonly Uint8Array[]
  readonly coverage: Coverage
  readonly random: Random
  /** Ends the search. */
  readonly milliseconds: number
}

/** No input of 2 KiB is worth more. */
const slowestMilliseconds = 1000
export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const { coverage, random } = options
  const pool: Uint8Array[] = [Uint8Array.of(), ...options.corpus]
  const found: Uint8Array[] = []
  const deadline = performance.now() + options.milliseconds
  let runs = 0
  const attempt = async (input: Uint8Array): Promise<FuzzResult['failure']> => {
    runs += 1
    const started = performance.now()
    try {
      await target(input)
    } catch (error) {
      return { input, error }
    }
    const took = performance.now() - started
    return took < slowestMilliseconds ? undefined : { input, error: new Error(`took ${Math.round(took)} ms`) }
  }
  for (const input of pool) {
    const failure = await attempt(input)
    if (failure !== undefined) return { runs, found, failure }
  }
  coverage.take('learn')
  // Asking for coverage costs more than a run: so much is run before that no more than half of the time goes into asking.
  let askingMilliseconds = 1
  while (performance.now() < deadline) {
    const inputs: Uint8Array[] = []
    const ask = performance.now() + askingMilliseconds
    while (inputs.length < 16 || performance.now() < ask) {
      const input = mutate(pick(pool, random), pick(pool, random), random)
      inputs.push(input)
      const failure = await attempt(input)
      if (failure !== undefined) return { runs, found, failure }
    }
    const asked = performance.now()
    const isNew = coverage.take('look')
    askingMilliseconds = Math.min(200, performance.now() - asked)
    if (!isNew) continue
    const input = await blame(inputs)
    if (input === undefined) continue
    found.push(input)
    pool.push(input)
  }
  return { runs, found, failure: undefined }

  /** Which of the inputs it was that reached something new; it is known from then on. Halves them, as each asking is dear. */
  async function blame(inputs: readonly Uint8Array[]): Promise<Uint8Array | undefined> {
    let suspects = inputs
    while (suspects.length > 1) {
      const half = suspects.slice(0, Math.ceil(suspects.length / 2))
      for (const input of half) await attempt(input)
      suspects = coverage.take('look') ? half : suspects.slice(half.length)
    }
    const [input] = suspects
    if (input === undefined) return undefined
    await attempt(input)
    return coverage.take('learn') ? input : undefined
  }
}

function pick(pool: readonly Uint8Array[], random: Random): Uint8Array {
  // New ones more often: they are where there is something left to find.
  const index = random(2) === 0 ? random(pool.length) : pool.length - 1 - random(Math.min(64, pool.length))
  return pool[index] ?? Uint8Array.of()
}
