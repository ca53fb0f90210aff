/** What a process and all that came from it have used, as Linux counts it. */
import { readdir, readFile } from 'node:fs/promises'

/** Clock ticks of /proc are hundredths of a second on every platform that Node runs on. */
const ticksPerSecond = 100

export type Usage = { readonly cpuSeconds: number; readonly residentBytes: number; readonly processes: number }

type Statistics = { readonly parent: number; readonly ticks: number }

/** Of the processes that live, with what their ended children used. */
export async function usageOf(root: number): Promise<Usage> {
  const all = await statistics()
  const family = new Set([root])
  // Children have mostly higher numbers than their parents, but numbers come round.
  for (let size = 0; size !== family.size; ) {
    size = family.size
    for (const [pid, { parent }] of all) if (family.has(parent)) family.add(pid)
  }
  const members = [...family].filter(pid => all.has(pid))
  const resident = await Promise.all(members.map(proportionalBytes))
  return {
    cpuSeconds: members.reduce((sum, pid) => sum + (all.get(pid)?.ticks ?? 0), 0) / ticksPerSecond,
    residentBytes: resident.reduce((sum, bytes) => sum + bytes, 0),
    processes: members.length,
  }
}

async function statistics(): Promise<ReadonlyMap<number, Statistics>> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const entries = await Promise.all(
    pids.map(async pid => {
      const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
      if (text === undefined) return []
      // The name in parentheses may have anything in it.
      const fields = text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number)
      const [, parent = 0] = fields
      const ticks = fields.slice(11, 15).reduce((sum, each) => sum + each, 0)
      return [[pid, { parent, ticks }] as const]
    }),
  )
  return new Map(entries.flat())
}

/** Memory that is shared by several counts in part for each. */
async function proportionalBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024
}
