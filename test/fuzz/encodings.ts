/** Data connections in other modes than stream: what is fuzzed of them. */
import assert from 'node:assert/strict'
import { inflateSync } from 'node:zlib'
import { Inflater } from '../../server/data/encoding/deflate.ts'
import { EncodingError } from '../../server/data/encoding/encoding.ts'
import { Incoming } from '../../server/data/encoding/incoming.ts'

const encodings = (['block', 'compressed', 'stream'] as const).flatMap(mode =>
  (['record', 'file'] as const).flatMap(structure =>
    (['ascii', 'image'] as const).map(type => ({ mode, structure, type })),
  ),
)

type Result = { readonly bytes: string; readonly marks: readonly string[] } | { readonly refused: string }

/** The first byte says how it is encoded, the second one where the rest is cut: what is read must not depend on that. */
export async function encodedData(bytes: Uint8Array): Promise<void> {
  const [which = 0, at = 0] = bytes
  const rest = bytes.subarray(2)
  const whole = await read(which, [rest])
  assert.deepEqual(await read(which, [rest.subarray(0, at), rest.subarray(at, at + 1), rest.subarray(at + 1)]), whole)
}

async function read(which: number, chunks: readonly Uint8Array[]): Promise<Result> {
  const encoding = encodings[which % encodings.length]
  assert(encoding !== undefined)
  const parts: Buffer[] = []
  const marks: string[] = []
  const incoming = new Incoming(encoding, encoding.type, {
    write: async written => {
      parts.push(Buffer.from(written))
    },
    mark: async marker => {
      // It goes into a reply.
      assert(/^[!-~]{1,120}$/.test(marker))
      marks.push(marker)
    },
  })
  try {
    for (const chunk of chunks) await incoming.take(chunk)
    await incoming.end()
  } catch (error) {
    assert(error instanceof EncodingError)
    return { refused: error.kind }
  }
  const written = Buffer.concat(parts)
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  assert(written.length <= length * 63)
  return { bytes: written.toString('latin1'), marks }
}

/** The first byte says where the rest is cut. */
export async function deflated(bytes: Uint8Array): Promise<void> {
  const [at = 0] = bytes
  const rest = bytes.subarray(1)
  const cut = await inflate([rest.subarray(0, at), rest.subarray(at)])
  assert.deepEqual(cut, await inflate([rest]))
  if (cut !== undefined) assert.deepEqual(cut, inflateSync(rest))
}

async function inflate(chunks: readonly Uint8Array[]): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  const inflater = new Inflater(1100, async part => {
    parts.push(Buffer.from(part))
  })
  try {
    for (const chunk of chunks) await inflater.write(chunk)
    await inflater.end()
    return Buffer.concat(parts)
  } catch (error) {
    assert(error instanceof EncodingError)
    return undefined
  } finally {
    inflater.close()
  }
}
