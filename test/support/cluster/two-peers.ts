/**
 * Two clients of one machine with two addresses: the first asks for a passive port, the second connects to it before the
 * first does. Arguments: host, port, the two addresses. Prints what each of them got, as JSON.
 */
import { connect, type Socket } from 'node:net'
import { FtpClient, readAll } from '../ftp-client.ts'

const [host = '', port = '', owner = '', stranger = ''] = process.argv.slice(2)

const client = await FtpClient.connect(Number(port), host, { localAddress: owner })
await client.login()
await client.send('TYPE I')
const answer = await client.send('PASV')
const [, address = '', high, low] = /\((\d+,\d+,\d+,\d+),(\d+),(\d+)\)/.exec(answer.text) ?? []
const place = { host: address.replaceAll(',', '.'), port: Number(high) * 256 + Number(low) }
client.write('MLSD\r\n')
const strangers = await received(connect({ ...place, localAddress: stranger }))
const owners = await received(connect({ ...place, localAddress: owner }))
await client.reply()
const end = await client.reply()
client.close()
process.stdout.write(JSON.stringify({ told: place.host, stranger: strangers, owner: owners, end: end.code }))

/** All that comes until the other side has enough; a connection that is broken off has nothing more. */
async function received(socket: Socket): Promise<string> {
  socket.setTimeout(10_000, () => socket.destroy(new Error('nothing comes, and nobody closes')))
  return (await readAll(socket).catch(error => Buffer.from(isReset(error) ? '' : String(error)))).toString()
}

function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
}
