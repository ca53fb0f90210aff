/** Directories of spools side by side, one for each process of any server that has the state: who lives in which, and who is gone. */
import { constants } from 'node:fs'
import { open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Cursor, makeDirectory, readCursors, readSegment, type SpoolRecord, segmentsOf } from './spool-file.ts'

export type TenancyOptions = {
  /** The directory of all of them. */
  readonly parent: string
  /** Twelve hexadecimal digits, others at each start. */
  readonly instance: string
}

type Owner = {
  readonly host: string
  readonly pid: number
  /** When the process was started, in ticks of the machine; another process may have the number later. */
  readonly started: string
  /** It has ended in good order. */
  readonly ended?: true
}

/** A process that is not known to be gone is taken to be so if it has not shown itself for so long. */
const staleMilliseconds = 120_000
const ownerName = 'owner.json'
const instancePattern = /^[0-9a-f]{12}$/
const adoptedPattern = /^adopted-[0-9a-f]{12}$/

export class Tenancy {
  readonly directory: string
  readonly #options: TenancyOptions

  constructor(options: TenancyOptions) {
    this.#options = options
    this.directory = join(options.parent, options.instance)
  }

  /** Makes the directory and says whose it is. Rejects with a system error, as all methods do. */
  async moveIn(): Promise<void> {
    await makeDirectory(this.directory)
    await this.#writeOwner({ host: hostname(), ...(await thisProcess()) })
  }

  /** Shows that it is still lived in. */
  async refresh(): Promise<void> {
    const now = new Date()
    await utimes(join(this.directory, ownerName), now, now)
  }

  /** Leaves the directory to whoever comes next, or removes it if there is nothing in it for anybody. */
  async moveOut(rest: { readonly empty: boolean }): Promise<void> {
    if (rest.empty) await rm(this.directory, { recursive: true, force: true })
    else await this.#writeOwner({ host: hostname(), ...(await thisProcess()), ended: true })
  }

  /** Takes over the directories of those who are gone, and gives where they are now. Of two who try, one gets each. */
  async adopt(): Promise<readonly string[]> {
    const { parent, instance } = this.#options
    const { mtimeMs } = await stat(join(this.directory, ownerName))
    for (const name of await readdir(parent)) {
      if (!instancePattern.test(name) || name === instance) continue
      if (!(await isGone(join(parent, name), mtimeMs))) continue
      await rename(join(parent, name), join(this.directory, `adopted-${name}`)).catch(() => undefined)
    }
    return await adoptedIn(this.directory)
  }

  async #writeOwner(owner: Owner): Promise<void> {
    const path = join(this.directory, ownerName)
    await writeFile(`${path}.tmp`, JSON.stringify(owner), { mode: 0o600 })
    await rename(`${path}.tmp`, path)
  }
}

/** What is in a directory that was taken over and was not delivered to all sinks, the oldest first. */
export async function* undelivered(directory: string): AsyncGenerator<SpoolRecord, undefined> {
  for (const nested of await adoptedIn(directory)) yield* undelivered(nested)
  const cursors = await readCursors(directory)
  for (const segment of await segmentsOf(directory)) {
    let cursor: Cursor = { segment, offset: 0, index: 0 }
    for (;;) {
      const readings = await readSegment(directory, cursor)
      const last = readings.at(-1)
      if (last === undefined) break
      for (const { record, next } of readings) {
        const left = record && remaining(record, { segment, index: next.index - 1 }, cursors)
        if (left !== undefined) yield left
      }
      cursor = last.next
    }
  }
}

export async function removeAdopted(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
}

/** For whom it is still; undefined if for nobody. */
function remaining(
  record: SpoolRecord,
  at: { readonly segment: number; readonly index: number },
  cursors: ReadonlyMap<string, Cursor>,
): SpoolRecord | undefined {
  const lagging = [...cursors].flatMap(([sink, { segment, index }]) =>
    segment < at.segment || (segment === at.segment && index <= at.index) ? [sink] : [],
  )
  if (lagging.length === cursors.size) return record
  const only = record.only === undefined ? lagging : lagging.filter(sink => record.only?.includes(sink))
  return only.length === 0 ? undefined : { event: record.event, only }
}

async function adoptedIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory)
  return names.filter(name => adoptedPattern.test(name)).map(name => join(directory, name))
}

async function isGone(directory: string, now: number): Promise<boolean> {
  try {
    const file = await open(join(directory, ownerName), constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const { mtimeMs } = await file.stat()
      if (mtimeMs < now - staleMilliseconds) return true
      const owner = JSON.parse(await file.readFile('utf8')) as Owner
      if (owner.ended === true) return true
      if (owner.host !== hostname() || owner.started === '') return false
      return (await startOf(owner.pid)) !== owner.started
    } finally {
      await file.close()
    }
  } catch {
    // It is being made, or being taken over; one that stays so is found by its age.
    const { mtimeMs } = await stat(directory).catch(() => ({ mtimeMs: now }))
    return mtimeMs < now - staleMilliseconds
  }
}

async function thisProcess(): Promise<Pick<Owner, 'pid' | 'started'>> {
  const own = await readFile('/proc/self/stat', 'utf8').catch(() => '')
  const pid = Number.parseInt(own, 10)
  return { pid: Number.isNaN(pid) ? 0 : pid, started: startedOf(own) }
}

/** Empty if there is no such process. */
async function startOf(pid: number): Promise<string> {
  return startedOf(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))
}

// proc(5): the name, in parentheses, may hold anything; the time is the 20th field behind it.
function startedOf(text: string): string {
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}
