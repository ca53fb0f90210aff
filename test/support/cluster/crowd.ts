/** Many clients at once in a process of its own, so that it can run in another network: each uploads and downloads, and compares. Says in one line of JSON how that went. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { FtpClient, readAll } from '../ftp-client.ts'

export type CrowdOptions = {
  readonly host: string
  readonly port: number
  /** Each is the user `user0`, `user1` and so on. */
  readonly clients: number
  /** Of an upload and a download each. */
  readonly rounds: number
  readonly protection: 'clear' | 'tls'
  /** Clients take turns in having them. */
  readonly addresses: readonly string[]
  readonly patienceSeconds: number
}

export type CrowdReport = {
  /** Transfers that went well: 150, 226, and each byte as it was. */
  readonly transfers: number
  /** What went wrong, as text. */
  readonly failures: readonly string[]
  /** Passive ports that were given out. */
  readonly ports: readonly number[]
  /** From the first login to the last transfer. */
  readonly seconds: number
  /** Of the transfer that took longest, from EPSV to 226. */
  readonly longestSeconds: number
}

const bytesOfFile = 20_000

type Client = { readonly ftp: FtpClient; readonly index: number; readonly localAddress: string }

class Crowd {
  readonly #options: CrowdOptions
  readonly #ports = new Set<number>()
  #transfers = 0
  #longest = 0

  constructor(options: CrowdOptions) {
    this.#options = options
  }

  async run(): Promise<CrowdReport> {
    const began = performance.now()
    const indexes = Array.from({ length: this.#options.clients }, (_, index) => index)
    const clients = await Promise.allSettled(indexes.map(index => this.#logIn(index)))
    const done = await Promise.allSettled(
      clients.map(async client => {
        if (client.status === 'rejected') throw client.reason
        await this.#work(client.value)
      }),
    )
    return {
      transfers: this.#transfers,
      failures: done.flatMap(each => (each.status === 'rejected' ? [String(each.reason)] : [])),
      ports: [...this.#ports].toSorted((one, other) => one - other),
      seconds: (performance.now() - began) / 1000,
      longestSeconds: this.#longest / 1000,
    }
  }

  async #logIn(index: number): Promise<Client> {
    const { host, port, addresses, protection, patienceSeconds } = this.#options
    const localAddress = addresses[index % addresses.length] ?? ''
    const ftp = await FtpClient.connect(port, host, { localAddress, deadlineMilliseconds: patienceSeconds * 1000 })
    if (protection === 'clear') await ftp.login(`user${index}`)
    else await ftp.loginSecurely({}, `user${index}`)
    await ftp.send('TYPE I')
    return { ftp, index, localAddress }
  }

  async #work(client: Client): Promise<void> {
    try {
      for (let round = 0; round < this.#options.rounds; round += 1) {
        const content = randomBytes(bytesOfFile)
        await this.#transfer(client, 'STOR file', async data => {
          data.resume()
          data.end(content)
        })
        let received: Buffer = Buffer.alloc(0)
        await this.#transfer(client, 'RETR file', async data => {
          received = await readAll(data)
        })
        if (!received.equals(content)) throw new Error(`user${client.index} has read what is not its own`)
      }
    } finally {
      client.ftp.close()
    }
  }

  async #transfer({ ftp, index, localAddress }: Client, command: string, move: (data: Socket) => Promise<void>) {
    const began = performance.now()
    const passive = await ftp.send('EPSV')
    const port = Number(/\(\|\|\|(\d+)\|\)/.exec(passive.text)?.[1])
    if (passive.code !== 229) throw new Error(`user${index}, EPSV: ${passive.code} ${passive.text}`)
    this.#ports.add(port)
    const raw = await dial(this.#options.host, port, localAddress)
    const opening = await ftp.send(command)
    if (opening.code !== 150) throw new Error(`user${index}, ${command}: ${opening.code} ${opening.text}`)
    const data = this.#options.protection === 'tls' ? await ftp.protect(raw) : raw
    data.on('error', () => undefined)
    await move(data)
    const end = await ftp.reply()
    if (end.code !== 226) throw new Error(`user${index}, ${command}: ${end.code} ${end.text}`)
    this.#transfers += 1
    this.#longest = Math.max(this.#longest, performance.now() - began)
  }
}

function dial(host: string, port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ host, port, localAddress, noDelay: true })
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

if (process.argv[1] === import.meta.filename) {
  const report = await new Crowd(JSON.parse(process.argv[2] ?? '{}') as CrowdOptions).run()
  process.stdout.write(`${JSON.stringify(report)}\n`)
  process.exit(0)
}
