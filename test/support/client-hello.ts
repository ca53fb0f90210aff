/** The first bytes a TLS client sends. */
import { Duplex } from 'node:stream'
import { connect } from 'node:tls'

/** The ClientHello of this Node, as one record. */
export function clientHello(): Buffer {
  const sent: Buffer[] = []
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      sent.push(chunk)
      done()
    },
  })
  const socket = connect({ socket: wire })
  socket.on('error', () => undefined)
  socket.destroy()
  return Buffer.concat(sent)
}
