/** A storage around another one, in which each path is looked at before it is used. */
import type { Storage } from './storage.ts'

/** Both give the path to use, or throw the StorageError that the operation rejects with. */
export type PathChecks = {
  /** Of what is to be there. */
  readonly existing: (path: string) => string
  /** Of what is to be made, written or renamed to. */
  readonly made: (path: string) => string
}

/** Closing it closes the storage. What needs more than a look at its paths is to be put in the place of what is here. */
export function checkPaths(storage: Storage, { existing, made }: PathChecks): Storage {
  return {
    stat: async path => await storage.stat(existing(path)),
    statForResume: async (path, overwriting) => await storage.statForResume(existing(path), overwriting),
    list: path => storage.list(existing(path)),
    read: (path, offset) => storage.read(existing(path), offset),
    write: (path, mode) => storage.write(made(path), mode),
    rename: async (from, to, replacing) => await storage.rename(existing(from), made(to), replacing),
    removeFile: async path => await storage.removeFile(existing(path)),
    removeDirectory: async path => await storage.removeDirectory(existing(path)),
    removeTree: async (path, watch) => await storage.removeTree(existing(path), watch),
    makeDirectory: async (path, permissions) => await storage.makeDirectory(made(path), permissions),
    makeLink: async (path, target) => await storage.makeLink(made(path), existing(target)),
    checkRoom: async (directory, bytes) => await storage.checkRoom(existing(directory), bytes),
    room: async directory => await storage.room(existing(directory)),
    setMode: async (path, mode) => await storage.setMode(existing(path), mode),
    setModified: async (path, modified) => await storage.setModified(existing(path), modified),
    close: () => storage.close(),
  }
}
