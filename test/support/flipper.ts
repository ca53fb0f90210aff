/** A program that swaps directories and files of a home for links that lead outside, and back, as fast as it can, until its stdin ends. Writes a line for every hundred swaps. */
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const [home = '', outside = ''] = process.argv.slice(2)

let ended = false
process.stdin.on('end', () => (ended = true)).resume()
let swaps = 0
const turn = (): void => {
  heal()
  for (let count = 0; count < 100; count += 2) {
    swap('d', outside)
    swap('mid/x', outside)
    swap('plain', join(outside, 'canary'))
  }
  swaps += 300
  writeSync(1, `${swaps}\n`)
  if (!ended) setImmediate(turn)
}
turn()

/** To a link and back. Clients may have moved or removed any of it meanwhile. */
function swap(name: string, target: string): void {
  const path = join(home, name)
  const kept = `${path}-kept`
  attempt(() => renameSync(path, kept))
  attempt(() => symlinkSync(target, path))
  attempt(() => unlinkSync(path))
  attempt(() => renameSync(kept, path))
}

function heal(): void {
  for (const name of ['d', 'mid/x']) {
    const path = join(home, name)
    attempt(() => rmSync(path))
    if (existsSync(`${path}-kept`)) attempt(() => rmSync(path, { recursive: true }))
    attempt(() => renameSync(`${path}-kept`, path))
    attempt(() => mkdirSync(join(path, 'canary-directory'), { recursive: true }))
    for (const file of ['canary', 'canary-directory/canary']) attempt(() => writeFileSync(join(path, file), 'public'))
  }
  for (const file of ['plain', 'mine']) {
    attempt(() => unlinkSync(join(home, file)))
    attempt(() => writeFileSync(join(home, file), 'public', { flag: 'wx' }))
  }
}

function attempt(step: () => void): void {
  try {
    step()
  } catch {
    // Somebody was faster.
  }
}
