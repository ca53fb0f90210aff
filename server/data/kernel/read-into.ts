/** Reading a connection into memory of our own. */
import type { Socket } from 'node:net'

export type ReadTarget = {
  /** Where the next bytes go; never empty. */
  readonly room: () => Uint8Array
  /** So many bytes were read into it. Reading stops where this says so; `resume` of the socket goes on. */
  readonly onBytes: (count: number) => 'room' | 'full'
}

/** Ends it: whatever comes later is dropped, and the memory belongs to the caller again. */
export type Release = () => void

/**
 * Has the bytes read into memory of ours, in place of events `data` with memory of their own: that saves half of what an upload costs.
 * Node has this (`onread`) for connections that it opens, but not for those it accepts, nor under TLS. There it is reached by the same
 * fields, which are not documented: where they are missing this returns undefined, and everything is as it was.
 * Call it on a socket that is paused and has nothing buffered.
 */
export function readInto(socket: Socket, target: ReadTarget, fields = readFields(socket)): Release | undefined {
  const handle = handleOf(socket)
  if (handle === undefined || fields === undefined) return undefined
  const direct = (room: () => Uint8Array, onBytes: ReadTarget['onBytes'], into: Handle) => {
    const first = room()
    Reflect.set(socket, fields.buffer, first)
    Reflect.set(socket, fields.next, room)
    Reflect.set(socket, fields.callback, (count: number) => onBytes(count) === 'room')
    into.useUserBuffer(first)
  }
  direct(target.room, target.onBytes, handle)
  return () => {
    const rest = new Uint8Array(restBytes)
    const current = handleOf(socket)
    if (current !== undefined)
      direct(
        () => rest,
        () => 'room',
        current,
      )
  }
}

/**
 * The same for many sockets that share one piece of memory, and one function: it is called on the socket, with how many bytes were read
 * into the memory. For sockets that are never released. False where fields are missing.
 */
export function readIntoOne(
  socket: Socket,
  memory: Buffer,
  onBytes: (this: Socket, count: number, memory: Buffer) => void,
  fields: ReadFields,
): boolean {
  const handle = handleOf(socket)
  if (handle === undefined) return false
  Reflect.set(socket, fields.buffer, memory)
  Reflect.set(socket, fields.callback, onBytes)
  handle.useUserBuffer(memory)
  return true
}

const restBytes = 1024

/** Where a socket keeps what reading needs: the same for all, and to look for it costs more than to read a line. */
export type ReadFields = { readonly buffer: symbol; readonly next: symbol; readonly callback: symbol }

type Handle = { readonly useUserBuffer: (buffer: Uint8Array) => void }

function handleOf(socket: Socket): Handle | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  return typeof Reflect.get(Object(handle), 'useUserBuffer') === 'function' ? (handle as Handle) : undefined
}

/** Those of any socket; undefined where they are missing. */
export function readFields(socket: Socket): ReadFields | undefined {
  const named = new Map(Object.getOwnPropertySymbols(socket).map(symbol => [symbol.description, symbol]))
  const [buffer, next, callback] = [named.get('kBuffer'), named.get('kBufferGen'), named.get('kBufferCb')]
  if (buffer === undefined || next === undefined || callback === undefined) return undefined
  return { buffer, next, callback }
}
