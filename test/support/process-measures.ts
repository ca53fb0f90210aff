/** What a process and its children take: memory, descriptors, threads, ports and processor time, as /proc tells. */
import { readdir, readFile, readlink } from 'node:fs/promises'

export type Measures = {
  readonly residentBytes: number
  readonly descriptors: number
  readonly threads: number
  /** TCP sockets that are listened on. */
  readonly listening: number
  /** Of all that run, since they began. */
  readonly processorSeconds: number
}

/** Those of the process and all below it. Rejects if it is gone. */
export async function measure(pid: number): Promise<Measures> {
  const listeners = await listeningSockets()
  const each = await Promise.all((await family(pid)).map(member => measureOne(member, listeners)))
  const sum = (field: keyof Measures) => each.reduce((total, measures) => total + measures[field], 0)
  return {
    residentBytes: sum('residentBytes'),
    descriptors: sum('descriptors'),
    threads: sum('threads'),
    listening: sum('listening'),
    processorSeconds: sum('processorSeconds'),
  }
}

export type Descriptors = {
  /** All but the ports below, which stay open between transfers. */
  readonly others: number
  /** TCP sockets that are listened on. */
  readonly listening: number
}

/** What a process has open, its children not counted. */
export async function openDescriptors(pid: number): Promise<Descriptors> {
  const { descriptors, listening } = await measureDescriptors(pid, await listeningSockets())
  return { others: descriptors - listening, listening }
}

// USER_HZ of Linux on all architectures that Node supports.
const ticksPerSecond = 100

async function measureOne(pid: number, listeners: ReadonlySet<string>): Promise<Measures> {
  const [status, stat, descriptors] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
    measureDescriptors(pid, listeners),
  ])
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  // After the name, which may have spaces: utime and stime are fields 14 and 15 of proc(5).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    residentBytes: field('VmRSS') * 1024,
    threads: field('Threads'),
    ...descriptors,
    processorSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
  }
}

async function measureDescriptors(
  pid: number,
  listeners: ReadonlySet<string>,
): Promise<Pick<Measures, 'descriptors' | 'listening'>> {
  const descriptors = await readdir(`/proc/${pid}/fd`)
  // A descriptor may be closed between the two looks.
  const links = await Promise.all(descriptors.map(each => readlink(`/proc/${pid}/fd/${each}`).catch(() => '')))
  return { descriptors: descriptors.length, listening: links.filter(link => listeners.has(link)).length }
}

async function family(pid: number): Promise<readonly number[]> {
  const numbers = (await readdir('/proc')).map(Number).filter(Number.isInteger)
  const pairs = await Promise.all(
    numbers.map(async (child): Promise<[number, number]> => {
      const status = await readFile(`/proc/${child}/status`, 'utf8').catch(() => '')
      return [child, Number(/^PPid:\s+(\d+)/m.exec(status)?.[1])]
    }),
  )
  const members = [pid]
  for (const member of members) members.push(...pairs.flatMap(([child, parent]) => (parent === member ? [child] : [])))
  return members
}

/** As the links in /proc/PID/fd have them. */
async function listeningSockets(): Promise<ReadonlySet<string>> {
  const tables = await Promise.all(['tcp', 'tcp6'].map(name => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')))
  const rows = tables.flatMap(table => table.split('\n').slice(1)).map(row => row.trim().split(/\s+/))
  // 0A is TCP_LISTEN.
  return new Set(rows.filter(row => row[3] === '0A').map(row => `socket:[${row[9]}]`))
}
