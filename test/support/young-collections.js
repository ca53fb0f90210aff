// Loaded before a program: on SIGUSR2 it collects what is young, so that all that is left is old, and says how many bytes are.
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
setFlagsFromString('--no-expose-gc')

process.on('SIGUSR2', () => {
  collect({ type: 'minor' })
  collect({ type: 'minor' })
  const old = getHeapSpaceStatistics().find(space => space.space_name === 'old_space')
  process.stderr.write(`old: ${old.space_used_size}\n`)
})
