/** Clients from elsewhere: a network of their own, with addresses that neither the node nor the pods have. */
import { randomBytes, randomInt } from 'node:crypto'
import { run } from '../clients/process.ts'

export type Outside = {
  /** Two of them, of two clients. */
  readonly addresses: readonly [string, string]
  /** So many more, of a network that the node has a way to. */
  more(count: number): Promise<readonly string[]>
  /** Runs a program there. Rejects with what it said if it fails. */
  run(program: string, args: readonly string[], deadlineMilliseconds?: number): Promise<string>
  dispose(): Promise<void>
}

/** Why there can be none here; undefined if there can. */
export async function whyNoOutside(): Promise<string | undefined> {
  const name = `probe-${randomBytes(3).toString('hex')}`
  try {
    await run('ip', ['netns', 'add', name])
    await run('ip', ['netns', 'delete', name])
    return undefined
  } catch {
    return 'it takes `ip netns` and the right to use it, in the network of the node'
  }
}

/** For documentation (RFC 5737); eight addresses each, so that several tests can run at once, and what a killed one has left is in nobody's way. */
async function freeBlock(): Promise<number> {
  const { stdout: taken } = await run('ip', ['-brief', 'address'])
  const blocks = Array.from({ length: 31 }, (_, block) => 8 * block).filter(
    first => !taken.includes(` 198.51.100.${first + 1}/`),
  )
  const block = blocks[randomInt(Math.max(1, blocks.length))]
  if (block === undefined)
    throw new Error('no block of 198.51.100.0/24 is free: which namespaces does `ip netns` list?')
  return block
}

/** Next to the node, which routes for it. */
export async function createOutside(): Promise<Outside> {
  const id = randomBytes(3).toString('hex')
  const [namespace, link] = [`outside-${id}`, `out${id}`]
  const first = await freeBlock()
  const [router, one, other] = [1, 2, 3].map(offset => `198.51.100.${first + offset}`) as [string, string, string]
  const ip = (...args: readonly string[]) => run('ip', args)
  const dispose = async () => {
    await ip('netns', 'delete', namespace)
  }
  await ip('netns', 'add', namespace)
  try {
    await ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    await ip('address', 'add', `${router}/29`, 'dev', link)
    await ip('link', 'set', link, 'up')
    for (const address of [one, other]) await ip('-n', namespace, 'address', 'add', `${address}/29`, 'dev', 'eth0')
    for (const device of ['lo', 'eth0']) await ip('-n', namespace, 'link', 'set', device, 'up')
    await ip('-n', namespace, 'route', 'add', 'default', 'via', router)
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    addresses: [one, other],
    async more(count) {
      // RFC 6598: nobody's in particular. With the namespace goes the way there.
      const network = `100.${64 + randomInt(64)}.${randomInt(256)}`
      const found = Array.from({ length: count }, (_, index) => `${network}.${1 + index}`)
      for (const address of found) await ip('-n', namespace, 'address', 'add', `${address}/32`, 'dev', 'lo')
      await ip('route', 'add', `${network}.0/24`, 'via', one)
      return found
    },
    async run(program, args, deadlineMilliseconds = 30_000) {
      const inside = ['netns', 'exec', namespace, program, ...args]
      return (await run('ip', inside, { deadlineMilliseconds })).stdout
    },
    dispose,
  }
}
