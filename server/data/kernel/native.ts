/** Calls of the C library that Node has not, by the optional package `koffi`. */
import { createRequire as requireFrom } from 'node:module'
import { arch, platform } from 'node:os'

export type NativeCall = {
  (...values: readonly unknown[]): number
  /** In a thread; calls back with an error or what the call returned. */
  readonly async: (...values: readonly unknown[]) => void
}
export type Library = {
  /** Declares a function by its prototype in C. Throws where there is none. */
  readonly func: (definition: string) => NativeCall
  /** Of the last call that was not made in a thread; ask right after it. */
  readonly errno: () => number
  /** Where the memory of a buffer is, which has to be a piece of its own (`allocUnsafeSlow`). */
  readonly address: (buffer: Uint8Array) => bigint
  /** The address of a function for the library to call, within calls in place only; for as long as the process lives. It must not throw. */
  readonly callback: (result: string, parameters: readonly string[], run: NativeCallback) => bigint
  /** Memory of the library, for as long as it is there. */
  readonly memory: (address: bigint, bytes: number) => Uint8Array
  /** Writes a value of a type of C there. */
  readonly store: (address: bigint, type: string, value: number | bigint) => void
}

export type NativeCallback = (...values: readonly unknown[]) => number | bigint | null

/** Throws, saying why, where it can't be used: without the package, and where types and numbers are not those of these files. */
export function loadLibrary(): Library {
  const system = `${platform()}-${arch()}`
  if (!systems.has(system)) throw new Error(`not available on ${system}`)
  const native: Koffi = requireFrom(import.meta.url)('koffi')
  const library = native.load(null)
  return {
    func: definition => library.func(definition),
    errno: () => native.errno(),
    address: buffer => native.address(buffer),
    callback: (result, parameters, run) => native.register(run, native.pointer(native.proto(result, parameters))),
    memory: (address, bytes) => new Uint8Array(native.view(address, bytes)),
    store: (address, type, value) => native.encode(address, type, value),
  }
}

type Koffi = Pick<Library, 'errno' | 'address'> & {
  readonly load: (library: null) => Pick<Library, 'func'>
  readonly proto: (result: string, parameters: readonly string[]) => unknown
  readonly pointer: (type: unknown) => unknown
  readonly register: (run: NativeCallback, type: unknown) => bigint
  readonly view: (address: bigint, bytes: number) => ArrayBuffer
  readonly encode: (address: bigint, type: string, value: number | bigint) => void
}

/** off_t has 64 bits there. */
const systems = new Set(['linux-x64', 'linux-arm64'])
