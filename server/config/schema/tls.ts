/** TLS of control and data connections. */
import { Type } from 'typebox'
import { oneOf, record } from './parts.ts'

export const tls = record(
  {
    minVersion: oneOf(['TLSv1.2', 'TLSv1.3'], { default: 'TLSv1.2', description: 'Lowest TLS version accepted.' }),
    sessionReuse: oneOf(['auto', 'required', 'off'], {
      default: 'auto',
      description:
        'Whether a data connection must resume the TLS session of its control connection, which proves whose it is. `auto`: demanded wherever the client has shown that it can. `required`: always (Python’s ftplib fails, and curl over TLS 1.3 after an upload). `off`: never.',
    }),
    clientCertificates: oneOf(['off', 'optional', 'required'], {
      default: 'off',
      description:
        'Whether clients are asked for a certificate signed by `tls/ca.crt`. `required`: the handshake fails without one.',
    }),
    truncatedUploads: oneOf(['accept', 'reject'], {
      default: 'accept',
      description:
        'What becomes of an upload over TLS that ends without close_notify, so that nobody can tell whether it is whole: `accept` (226, and a mark in the log; many devices never send it) or `reject` (426).',
    }),
    strictServerName: Type.Boolean({
      default: false,
      description:
        'Whether a client that names a host (SNI) which the certificate does not cover is refused on the control connection, with the alert unrecognized_name (RFC 6066). Clients that name none, as those that connect by address, are taken.',
    }),
    clearCommandChannel: Type.Boolean({
      default: true,
      description:
        'Whether CCC may take the control connection back to clear text after login (RFC 4217 section 5), for firewalls that read it.',
    }),
  },
  {
    default: {},
    description:
      'TLS. The certificate is read from `tls/tls.crt` and `tls/tls.key`; without them a self-signed one is made.',
  },
)
