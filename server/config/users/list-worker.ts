/** The worker thread that parses one large list of users, and hands out the entries that were not in the list before. */
import { hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import { decodeText } from '../text.ts'
import { parseYaml } from '../yaml/yaml.ts'
import { digestBytes, type EntriesFound, isNew, type ListHead, type ListQuestion } from './list-messages.ts'

const batchEntries = 500

parentPort?.once('message', ({ content, known }: ListQuestion) => {
  const text = decodeText(content)
  const yaml = text === undefined ? notText : parseYaml(text)
  const entries = yaml.parsed ? entriesOf(yaml.value) : undefined
  const found = entries && findKnown(entries, known)
  const fresh = entries?.filter((_, index) => found?.places[index] === isNew)
  let told = 0
  // One batch a question, so that whoever asks does other work in between.
  parentPort?.on('message', () => {
    parentPort?.postMessage(fresh?.slice(told, told + batchEntries))
    told += batchEntries
  })
  parentPort?.postMessage(headOf())

  function headOf(): ListHead {
    if (!yaml.parsed) return yaml
    if (entries === undefined) return { ...yaml, entries: undefined }
    return { parsed: true, value: { ...(yaml.value as object), users: [] }, entries: found }
  }
})

const notText = { parsed: false, violations: [{ path: '', message: 'must be text in UTF-8' }] } as const

function entriesOf(value: unknown): readonly unknown[] | undefined {
  return typeof value === 'object' && value !== null && 'users' in value && Array.isArray(value.users)
    ? value.users
    : undefined
}

function findKnown(entries: readonly unknown[], known: Uint8Array): EntriesFound {
  const keys = Buffer.from(known.buffer, known.byteOffset, known.length).toString('latin1')
  const placeOf = new Map<string, number>()
  for (let at = 0; at < keys.length; at += digestBytes) placeOf.set(keys.slice(at, at + digestBytes), at / digestBytes)
  const digests = Buffer.alloc(entries.length * digestBytes)
  const places = new Int32Array(entries.length)
  for (const [index, entry] of entries.entries()) {
    const digest = hash('sha256', JSON.stringify(entry) ?? '', 'buffer').toString('latin1', 0, digestBytes)
    digests.write(digest, index * digestBytes, 'latin1')
    places[index] = placeOf.get(digest) ?? isNew
  }
  return { digests, places }
}
