/** The calls of node:fs that local storage makes, as promises: by descriptor, which costs half of what a FileHandle does. */
import * as fs from 'node:fs'
import { promisify } from 'node:util'

export const chmod = promisify(fs.chmod)
export const close = promisify(fs.close)
export const copyFile = promisify(fs.copyFile)
export const fchmod = promisify(fs.fchmod)
export const fsync = promisify(fs.fsync)
export const ftruncate = promisify(fs.ftruncate)
export const futimes = promisify(fs.futimes)
export const link = promisify(fs.link)
export const lstat = promisify(fs.lstat)
export const mkdir = promisify(fs.mkdir)
export const open = promisify(fs.open)
export const read = promisify(fs.read)
export const rename = promisify(fs.rename)
export const rmdir = promisify(fs.rmdir)
export const stat = promisify(fs.stat)
export const statfs = promisify(fs.statfs)
export const unlink = promisify(fs.unlink)
export const utimes = promisify(fs.utimes)
export const write = promisify(fs.write)
export const readlink = promisify(fs.readlink)
