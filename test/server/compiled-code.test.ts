/** What V8 has compiled for transfers and listings outlasts a collection at rest: there are blank objects of each kind. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import { getActiveResourcesInfo, memoryUsage } from 'node:process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { makeBlanks } from '../../server/kinds.ts'
import { startServer } from '../support/server.ts'

const program = join(import.meta.dirname, '..', 'support', 'repeated-transfers.ts')
const flags = [
  '--expose-gc',
  '--trace-deopt',
  '--trace-deopt-verbose',
  '--no-concurrent-recompilation',
  '--invocation-count-for-maglev=40',
  '--invocation-count-for-turbofan=300000',
]
/** Of ports, connections, directories and lines. */
const functions = ['PassivePort', '#takeBare', 'DataSocket', 'runStepwise', 'Looks', '#lookAt', 'addLines', 'addShared']

test.runIf(platform() === 'linux')(
  'A collection at rest throws nothing away that serves transfers and listings',
  async () => {
    const [lost, lostWithout] = await Promise.all([lostFunctions('with'), lostFunctions('without')])
    expect(functions.filter(name => lost.has(name))).toEqual([])
    // Else what is looked for here would not be there.
    expect(functions.filter(name => lostWithout.has(name))).toEqual(functions)
  },
)

test('What is kept for that holds no descriptor, no bytes and nothing that runs', async () => {
  const server = await startServer()
  onTestFinished(() => server.stop())
  const held = () => ({
    descriptors: readdirSync('/dev/fd').length,
    running: getActiveResourcesInfo().toSorted(),
  })
  makeBlanks()
  const before = held()
  const { arrayBuffers } = memoryUsage()
  makeBlanks()
  expect(memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan(1024)
  expect(held()).toEqual(before)
})

/** What had been compiled and was thrown away by the last collection, since objects were gone that it was for. */
async function lostFunctions(mode: 'with' | 'without'): Promise<Set<string>> {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program, mode], { maxBuffer: 100_000_000 })
  const lines = stdout.matchAll(
    /<SharedFunctionInfo ([^>]+)>\) \(opt id \d+\) for deoptimization, reason: embedded weak/g,
  )
  return new Set([...lines].map(([, name = '']) => name))
}
