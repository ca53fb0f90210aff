/** Files that nobody may see or touch: what they would be known by, and how it shows that they were read or changed. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const content = 'cANary-content-'
const sizeBytes = 31_337
/** 1999-12-31T23:59:58Z, in seconds. */
const modified = 946_684_798
const files = ['canary', 'only-outside', 'canary-directory/canary'] as const

/** Makes a directory with files that are known by their content, size and time, one of them by its name. */
export function layCanaries(directory: string): void {
  mkdirSync(join(directory, 'canary-directory'), { recursive: true })
  for (const name of files) {
    writeFileSync(join(directory, name), content.repeat(sizeBytes / content.length + 1).slice(0, sizeBytes))
    utimesSync(join(directory, name), modified, modified)
  }
}

/** What of a canary is in what a client was told; empty if nothing is. */
export function canaryIn(told: string): readonly string[] {
  return [content, String(sizeBytes), '19991231235958', 'Dec 31  1999', 'only-outside'].filter(sign =>
    told.includes(sign),
  )
}

/** Canaries that were read since they were laid, where the file system tells: one that is known to have been is the proof of that. */
export function readCanaries(directory: string, knownToBeRead: string): readonly string[] {
  readFileSync(join(knownToBeRead, 'canary'))
  const wasRead = (name: string) => lstatSync(name).atimeMs !== modified * 1000
  if (!wasRead(join(knownToBeRead, 'canary'))) return []
  return files.filter(name => wasRead(join(directory, name)))
}

/** A directory and all below it, as it is now: names, kinds, sizes, modes, times of change. Reads no file. */
export function pictureOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'latin1' })
    .toSorted()
    .concat('.')
    .map(name => {
      const path = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name, 'latin1')])
      const stats = lstatSync(path)
      const { mode, size, mtimeMs, ctimeMs, ino, nlink } = stats
      const target = stats.isSymbolicLink() ? readlinkSync(path) : undefined
      return JSON.stringify({ name, mode, size, mtimeMs, ctimeMs, ino, nlink, target })
    })
}
