/** A home whose directories turn into links that lead outside and back, while clients do all that can be done to paths in it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { FtpClient } from './ftp-client.ts'
import { canaryIn, layCanaries, pictureOf, readCanaries } from './outside-canaries.ts'
import { pathCommands, tell } from './path-commands.ts'
import { simpleUser, startServer } from './server.ts'

export type FlippingResult = {
  readonly swaps: number
  readonly commands: number
  /** Commands that were answered with success: most paths are good now and then. */
  readonly succeeded: ReadonlySet<string>
  /** Whatever came from outside, was read there or was changed there. */
  readonly escapes: readonly string[]
}

const paths = [
  ...['d', 'd/canary', 'd/canary-directory', 'd/canary-directory/canary', 'd/new', 'plain'],
  ...['mid/x', 'mid/x/canary', 'mid/x/canary-directory/canary', 'mid/x/new', 'd/../plain'],
]

/** Goes on until so many swaps have been made and every command has been sent so many times with every path. */
export async function runFlipping(limits: {
  readonly swaps: number
  readonly rounds: number
}): Promise<FlippingResult> {
  const outside = await mkdtemp(join(tmpdir(), 'flip-outside-'))
  const server = await startServer({ users: [simpleUser('alice', { home: '/alice' })] })
  const home = join(server.root, 'alice')
  mkdirSync(join(home, 'mid'), { recursive: true })
  for (const directory of ['kept', 'known']) layCanaries(join(outside, directory))
  const before = pictureOf(join(outside, 'kept'))
  const program = join(import.meta.dirname, 'flipper.ts')
  const flipper = spawn(process.execPath, [program, home, join(outside, 'kept')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(flipper, 'close')
  let swaps = 0
  flipper.stdout.on('data', (chunk: Buffer) => {
    swaps = Number(chunk.toString().trimEnd().split('\n').at(-1))
  })
  const escapes: string[] = []
  const succeeded = new Set<string>()
  let commands = 0
  const work = async (): Promise<void> => {
    const client = await FtpClient.connect(server.port)
    try {
      await client.login()
      await client.send('TYPE I')
      for (let round = 0; round < limits.rounds || swaps < limits.swaps; round += 1) {
        if (flipper.exitCode !== null) throw new Error('the flipper has ended')
        for (const [name, command] of Object.entries(pathCommands)) {
          for (const path of paths) {
            const { last, all } = await tell(client, command, path)
            commands += 1
            if (last.code < 400) succeeded.add(name)
            escapes.push(...canaryIn(all).map(sign => `${name} ${path}: ${sign}`))
            if (name.endsWith('CWD')) await client.send('CWD /')
          }
        }
      }
    } finally {
      client.close()
    }
  }
  try {
    await eventually(() => swaps > 0, 'the flipper is at work')
    await Promise.all([work(), work(), work(), work()])
    escapes.push(...readCanaries(join(outside, 'kept'), join(outside, 'known')).map(name => `read: ${name}`))
    const after = pictureOf(join(outside, 'kept'))
    escapes.push(...after.filter(line => !before.includes(line)), ...before.filter(line => !after.includes(line)))
    return { swaps, commands, succeeded, escapes }
  } finally {
    flipper.stdin.end()
    await ended
    await server.stop()
    await rm(outside, { recursive: true })
  }
}
