/** The fuzzer: `npm run fuzz -- [--seconds 60] [--seed N] [--keep] [TARGET…]`. Ends with 1 and the input, if one breaks a promise. With `--keep`, what reached new code joins the corpus. */
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { asciiOnly, readCorpus, writeCorpus } from './corpus.ts'
import { Coverage } from './coverage.ts'
import { fuzz } from './fuzz.ts'
import { randomFrom } from './mutate.ts'
import { type Target, targets } from './targets.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    keep: { type: 'boolean', default: false },
  },
})
const chosen = Object.entries(targets).filter(([name]) => positionals.length === 0 || positionals.includes(name))
const milliseconds = (Number(values.seconds) * 1000) / Math.max(1, chosen.length)
const ours = pathToFileURL(`${import.meta.dirname}/../../server/`).href
say(`seed ${values.seed}, ${Math.round(milliseconds)} ms for each of ${chosen.length} targets`)
for (const [name, target] of chosen) await run(name, target)

async function run(name: string, target: Target): Promise<void> {
  const corpus = await readCorpus(name)
  const coverage = new Coverage(ours)
  try {
    const random = randomFrom(Number(values.seed))
    const { runs, found, failure } = await fuzz(target, { corpus, coverage, random, milliseconds })
    say(`${name}: ${runs} runs, ${corpus.length} in the corpus, ${found.length} more reach new code`)
    if (values.keep && found.length > 0) await writeCorpus(name, [...corpus, ...found])
    if (failure === undefined) return
    say(`${name} FAILS for ${asciiOnly(JSON.stringify(Buffer.from(failure.input).toString('latin1')))}`)
    say(String(failure.error instanceof Error ? failure.error.stack : failure.error))
    process.exitCode = 1
  } finally {
    coverage.close()
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
