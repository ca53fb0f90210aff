// Loaded before a program: tells on standard error what it syncs and renames, and lets no sync end while there is a file `hold` where SYNC_GATE says.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const { fsync, rename, mkdir } = fs
const tell = (what, path) => process.stderr.write(`${what} ${path}\n`)

fs.fsync = (descriptor, done) => {
  const path = fs.readlinkSync(`/proc/self/fd/${descriptor}`)
  const wait = () => {
    if (fs.existsSync(`${process.env.SYNC_GATE}/hold`)) return setTimeout(wait, 5)
    fsync(descriptor, error => {
      tell('synced', path)
      done(error)
    })
  }
  tell('sync', path)
  wait()
}
fs.rename = (from, to, done) => {
  rename(from, to, error => {
    if (error === null) tell('renamed', '')
    done(error)
  })
}
fs.mkdir = (path, mode, done) => {
  mkdir(path, mode, error => {
    if (error === null) tell('made', '')
    done(error)
  })
}
syncBuiltinESMExports()
