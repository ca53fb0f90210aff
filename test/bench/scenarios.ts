/** What is measured: each scenario does its work through sockets and says what one of its units took. */
import { LoadClient, type Target } from './load-client.ts'

/** What a scenario did: how many units of what, and the time of each where that means something. */
export type Work = {
  readonly unit: 'GiB' | 'file' | 'listing' | 'login' | 'session' | 'cycle'
  readonly count: number
  readonly latenciesMilliseconds?: readonly number[]
  /** What has to stay open while memory is looked at. */
  readonly held?: readonly LoadClient[]
}

export type Scenario = {
  readonly name: string
  readonly tls: boolean
  /** Lays out what the work needs; not measured. */
  readonly prepare?: (target: Target) => Promise<void>
  readonly run: (target: Target) => Promise<Work>
  /** Memory is compared with a server that has done nothing yet. */
  readonly fresh?: boolean
}

const mebibyte = 1_048_576
const largeBytes = 1024 * mebibyte
const block = Buffer.alloc(mebibyte, 'bench')
const smallBytes = 4096

const plain: readonly Omit<Scenario, 'tls'>[] = [
  { name: 'retr-large-1', prepare: makeLargeFile, run: target => downloads(target, 1, 3) },
  { name: 'retr-large-8', prepare: makeLargeFile, run: target => downloads(target, 8, 1) },
  { name: 'stor-large-1', run: target => uploads(target, 1, largeBytes) },
  { name: 'stor-large-8', run: target => uploads(target, 8, largeBytes / 4) },
  { name: 'retr-small-16', prepare: makeSmallFiles, run: target => smallFiles(target, 'RETR') },
  { name: 'stor-small-16', prepare: makeSmallFiles, run: target => smallFiles(target, 'STOR') },
  { name: 'list-1000', prepare: makeDirectory, run: target => listings(target, 'LIST') },
  { name: 'mlsd-1000', prepare: makeDirectory, run: target => listings(target, 'MLSD') },
  { name: 'login-8', run: logins },
  { name: 'idle-1000', run: idle, fresh: true },
  { name: 'mixed-200', prepare: makeDirectory, run: mixed },
]

export const scenarios: readonly Scenario[] = [
  ...plain.map(scenario => ({ ...scenario, tls: false })),
  ...plain.map(scenario => ({ ...scenario, name: `${scenario.name}-tls`, tls: true })),
]

async function makeLargeFile(target: Target): Promise<void> {
  await withClient(target, client => client.upload('STOR /bench-large', block, largeBytes))
}

async function makeSmallFiles(target: Target): Promise<void> {
  await withClient(target, async client => {
    await client.command('MKD /bench-small', '257', '5')
    for (let index = 0; index < 16; index += 1) await client.upload(`STOR /bench-small/r${index}`, block, smallBytes)
  })
}

async function makeDirectory(target: Target): Promise<void> {
  await withClient(target, async client => {
    await client.command('MKD /bench-1000', '257', '5')
    for (let index = 0; index < 1000; index += 1) await client.upload(`STOR /bench-1000/entry-${index}`, block, 1)
  })
}

async function downloads(target: Target, clients: number, repeats: number): Promise<Work> {
  await inParallel(clients, target, async client => {
    for (let round = 0; round < repeats; round += 1) {
      const bytes = await client.download('RETR /bench-large')
      if (bytes !== largeBytes) throw new Error(`${bytes} bytes instead of ${largeBytes}`)
    }
  })
  return { unit: 'GiB', count: clients * repeats }
}

async function uploads(target: Target, clients: number, bytes: number): Promise<Work> {
  await inParallel(clients, target, async (client, index) => {
    await client.upload(`STOR /bench-upload-${index}`, block, bytes)
    await client.command(`DELE /bench-upload-${index}`, '250')
  })
  return { unit: 'GiB', count: (clients * bytes) / (1024 * mebibyte) }
}

async function smallFiles(target: Target, verb: 'RETR' | 'STOR'): Promise<Work> {
  const latencies: number[] = []
  await inParallel(16, target, async (client, index) => {
    for (let round = 0; round < 200; round += 1) {
      const started = performance.now()
      if (verb === 'RETR') await client.download(`RETR /bench-small/r${index}`)
      else await client.upload(`STOR /bench-small/s${index}`, block, smallBytes)
      latencies.push(performance.now() - started)
    }
  })
  return { unit: 'file', count: latencies.length, latenciesMilliseconds: latencies }
}

async function listings(target: Target, verb: 'LIST' | 'MLSD'): Promise<Work> {
  const latencies: number[] = []
  await withClient(target, async client => {
    for (let round = 0; round < 50; round += 1) {
      const started = performance.now()
      await client.download(`${verb} /bench-1000`)
      latencies.push(performance.now() - started)
    }
  })
  return { unit: 'listing', count: latencies.length, latenciesMilliseconds: latencies }
}

async function logins(target: Target): Promise<Work> {
  const latencies: number[] = []
  const work = async () => {
    for (let round = 0; round < 200; round += 1) {
      const started = performance.now()
      const client = await LoadClient.login(target)
      latencies.push(performance.now() - started)
      await client.quit()
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  return { unit: 'login', count: latencies.length, latenciesMilliseconds: latencies }
}

async function idle(target: Target): Promise<Work> {
  const held: LoadClient[] = []
  for (let index = 0; index < 1000; index += 1) held.push(await LoadClient.login(target))
  return { unit: 'session', count: held.length, held }
}

async function mixed(target: Target): Promise<Work> {
  const latencies: number[] = []
  const until = performance.now() + 15_000
  const work = async (_: undefined, index: number) => {
    while (performance.now() < until) {
      const started = performance.now()
      await withClient(target, async client => {
        await client.command('CWD /bench-1000', '250')
        await client.download('MLSD')
        await client.upload(`STOR /bench-mixed-${index}`, block, mebibyte)
        await client.download(`RETR /bench-mixed-${index}`)
      })
      latencies.push(performance.now() - started)
    }
  }
  await Promise.all(Array.from({ length: 200 }, work))
  return { unit: 'cycle', count: latencies.length, latenciesMilliseconds: latencies }
}

async function inParallel(
  clients: number,
  target: Target,
  work: (client: LoadClient, index: number) => Promise<void>,
): Promise<void> {
  await Promise.all(Array.from({ length: clients }, (_, index) => withClient(target, client => work(client, index))))
}

async function withClient(target: Target, work: (client: LoadClient) => Promise<void>): Promise<void> {
  const client = await LoadClient.login(target)
  try {
    await work(client)
    await client.quit()
  } finally {
    client.close()
  }
}
