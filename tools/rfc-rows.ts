/** What the RFCs ask of a server beyond its commands, and how it is answered here: the second table of the commands' reference. */

export type RfcRow = {
  readonly rfc: string
  readonly feature: string
  /** What this server does. */
  readonly answer: string
  /** Where that is proved: a file of tests, and the words by which to find the test in it. */
  readonly proof: { readonly file: string; readonly test: string }
}

function proof(file: string, test: string): RfcRow['proof'] {
  return { file, test }
}

const encodings = 'test/server/control-encodings.test.ts'

const rfc959: readonly RfcRow[] = [
  {
    rfc: 'RFC 959 section 3.1.1.1',
    feature: 'Line ends of ASCII',
    answer:
      'LF in files is CRLF on the network; a CRLF in a file is sent as it is, a CR alone goes both ways. SIZE: 550, REST: 501, since what would be sent is not known. With `transfers.ascii: off` files go as they are.',
    proof: proof('test/server/control-files.test.ts', 'stores CRLF as LF, however it is cut'),
  },
  {
    rfc: 'RFC 959 section 3.1.2.2',
    feature: 'Files with records (`STRU R`)',
    answer:
      'Records are lines: each LF of a file is an end of record, a file that does not end with LF has none there. In listings as well, and in all modes.',
    proof: proof(encodings, 'has records for lines in both directions'),
  },
  {
    rfc: 'RFC 959 section 3.4.2',
    feature: 'Block mode (`MODE B`)',
    answer:
      'The end of a file is told, and an upload without it is incomplete (426). The server closes the data connection after each transfer, with 226.',
    proof: proof(encodings, 'ends an upload where its end is told'),
  },
  {
    rfc: 'RFC 959 section 3.4.3',
    feature: 'Compressed mode (`MODE C`)',
    answer: 'Runs of bytes and of the filler; ends, records and markers behind an escape. As in block mode otherwise.',
    proof: proof(encodings, 'compresses runs, tells the end'),
  },
  {
    rfc: 'RFC 959 section 3.5',
    feature: 'Restart markers in block and compressed mode',
    answer:
      '`110 MARK theirs = ours` to each in an upload, once all before it is in the file; one in each MiB of a download. They are offsets in the file, for REST in any type.',
    proof: proof(encodings, 'answers the markers of an upload'),
  },
]

const endings: readonly RfcRow[] = [
  {
    rfc: 'RFC 959 section 5.4',
    feature: '`421` in answer to any command, where the session has to end',
    answer:
      'Timeouts, draining, bans, a user whose access has ended, too many failed logins, and too many errors before login (`limits.maxErrorsBeforeLogin`).',
    proof: proof('test/server/control-limits.test.ts', 'end a session that errs too often before it logs in'),
  },
]

const deflate: readonly RfcRow[] = [
  {
    rfc: 'draft-preston-ftpext-deflate',
    feature: 'Deflated transfers (`MODE Z`)',
    answer:
      'Files and listings, with TYPE A, STRU R, TLS and REST, whose offset counts bytes of the file. `OPTS MODE Z LEVEL n`; other engines and methods: 504. Cut off: 426; broken, or with bytes behind the end: 451; too much of it: 552.',
    proof: proof(encodings, 'deflates downloads and listings, and inflates uploads'),
  },
]

const rfc1123: readonly RfcRow[] = [
  {
    rfc: 'RFC 1123 section 4.1.2.1',
    feature: '`TYPE L 8` as synonym of `TYPE I`',
    answer: '200; both are the image type. Other byte sizes: 504.',
    proof: proof('test/support/conformance/session.ts', "'L 8'"),
  },
  {
    rfc: 'RFC 1123 section 4.1.2.2',
    feature: '`TYPE A T` as synonym of `TYPE A N`',
    answer: '200. Carriage control (`TYPE A C`): 504.',
    proof: proof('test/support/conformance/session.ts', "'A T'"),
  },
  {
    rfc: 'RFC 1123 section 4.1.2.6',
    feature: 'PASV is for one transfer',
    answer:
      'The port is closed when its transfer begins or is refused; a second PASV or EPSV closes the port of the first. A transfer without a port: 425.',
    proof: proof('test/server/control-data-setup.test.ts', 'are replaced by a second PASV'),
  },
  {
    rfc: 'RFC 1123 section 4.1.2.6',
    feature: 'Clients find the address of PASV in the reply',
    answer: '227 with the six numbers in parentheses.',
    proof: proof('test/server/control-data-setup.test.ts', 'that PASV names in parentheses'),
  },
  {
    rfc: 'RFC 1123 section 4.1.2.7',
    feature: 'Implied `TYPE A N` for LIST and NLST',
    answer: 'Lines end with CRLF whatever the type is, and the type stays. The names of NLST are arguments for RETR.',
    proof: proof('test/server/control-files.test.ts', 'listings have CRLF in any type'),
  },
  {
    rfc: 'RFC 1123 section 4.1.2.9',
    feature: 'Format of the reply to STOU, and no 250',
    answer: '`150 FILE: name`, then 226.',
    proof: proof('test/server/control-files.test.ts', 'STOU tells the name it made in the 150'),
  },
  {
    rfc: 'RFC 1123 section 4.1.2.10',
    feature: 'Reads and lines are not the same',
    answer: 'Commands are understood however they are cut, and several at once are answered in order.',
    proof: proof('test/server/control-during-transfer.test.ts', 'are understood however they are cut'),
  },
  {
    rfc: 'RFC 1123 section 4.1.2.12',
    feature: 'Telnet options are refused; the data connection comes from the address of the control connection',
    answer: 'DONT and WONT, option by option, also within a command. Port L-1 (20) is not used: it needs privileges.',
    proof: proof('test/server/control-telnet.test.ts', 'is refused, option by option'),
  },
  {
    rfc: 'RFC 1123 section 4.1.3.1',
    feature: 'XCUP, XCWD, XMKD, XPWD and XRMD',
    answer: 'Synonyms of CDUP, CWD, MKD, PWD and RMD.',
    proof: proof('test/support/conformance/session.ts', "CWD: 'XCWD'"),
  },
  {
    rfc: 'RFC 1123 section 4.1.3.2',
    feature: 'Idle timeout of at least 5 minutes, configurable',
    answer: '421 after `limits.idleTimeoutSeconds` (300), never during a transfer.',
    proof: proof('test/faults/limits.test.ts', 'a session does not idle while a transfer runs'),
  },
  {
    rfc: 'RFC 1123 section 4.1.3.3',
    feature: 'STAT and ABOR during a transfer',
    answer: 'STAT tells how far it is, at once; ABOR ends it with 426, then 226. Other commands wait for its end.',
    proof: proof('test/server/control-during-transfer.test.ts', 'ABOR ends it with 426'),
  },
  {
    rfc: 'RFC 1123 section 4.1.3.4',
    feature: '554 after a wrong REST',
    answer: 'The transfer is refused with 554 where its offset lies beyond the file, or TYPE A gives it no meaning.',
    proof: proof('test/server/control-files.test.ts', 'beyond the end is refused with 554'),
  },
]

const rfc2228And4217: readonly RfcRow[] = [
  {
    rfc: 'RFC 4217 section 4.2',
    feature: 'AUTH resets the session',
    answer:
      'Login, directory, type, options and data connection begin anew. What follows AUTH in clear text closes it.',
    proof: proof('test/server/control-tls.test.ts', 'resets the session: login'),
  },
  {
    rfc: 'RFC 4217 section 10',
    feature: 'A server may demand TLS, on control and data connections',
    answer:
      'By listener or by user: 530 to USER and PASS in clear text, 534 to PROT C, 521 to a transfer without PROT P.',
    proof: proof('test/server/control-tls.test.ts', 'where the listener demands TLS, data must be private'),
  },
  {
    rfc: 'RFC 4217 section 12.2',
    feature: 'Login by client certificate',
    answer: '232 to USER.',
    proof: proof('test/server/control-login.test.ts', 'logs its user in at USER with 232'),
  },
  {
    rfc: 'RFC 4217 section 13',
    feature: 'REIN and CCC go back to clear text',
    answer: 'The reply is protected still; then close_notify goes both ways and the connection stays.',
    proof: proof('test/server/control-tls.test.ts', 'under TLS is answered under TLS'),
  },
  {
    rfc: 'No RFC; customary',
    feature: 'Implicit FTPS (port 990)',
    answer: 'A listener with `tls: implicit`; data is private unless PROT C is sent.',
    proof: proof('test/server/control-tls.test.ts', 'begins with the handshake; data is private'),
  },
]

const rfc2577: readonly RfcRow[] = [
  {
    rfc: 'RFC 2577 section 3',
    feature: 'Bounce protection',
    answer:
      'PORT and EPRT to another address than the client’s: 501 (`active.foreignAddresses`). A stranger at a passive port is dropped and does not use it up (`passive.peerCheck`).',
    proof: proof('test/server/control-data-setup.test.ts', 'of others are dropped, and the port still serves'),
  },
  {
    rfc: 'RFC 2577 section 3',
    feature: 'No privileged ports',
    answer: 'PORT and EPRT to a port below 1024: 504 (`active.privilegedPorts`).',
    proof: proof('test/support/conformance/session.ts', "'PORT 127,0,0,1,3,255', code: 504"),
  },
  {
    rfc: 'RFC 2577 section 5',
    feature: 'Brute force: the client is disconnected after some failures',
    answer: '421 after `limits.maxFailedLogins`, counted over USER, REIN and AUTH.',
    proof: proof('test/server/control-login.test.ts', 'close the session after so many failures'),
  },
  {
    rfc: 'RFC 2577 section 5',
    feature: 'Brute force: a failure is answered late',
    answer: '530 after `limits.failedLoginDelayMilliseconds`.',
    proof: proof('test/server/control-login.test.ts', 'answer a failure after the configured delay'),
  },
  {
    rfc: 'RFC 2577 section 5',
    feature: 'Limit of connections by address',
    answer: '421 beyond `limits.maxSessionsPerAddress`.',
    proof: proof('test/server/control-limits.test.ts', 'hold for the connections of an address'),
  },
  {
    rfc: 'RFC 2577 section 5',
    feature: 'Brute force: who goes on over many connections is banned',
    answer: 'No answer to connections from the address for a time that doubles with each ban (`bans`).',
    proof: proof('test/security/bans.test.ts', 'does not get away with many sessions, each with few attempts'),
  },
  {
    rfc: 'RFC 2577 section 7',
    feature: 'Wrong user names are not told',
    answer: '331 to every USER; the same 530, after the same time, whatever was wrong.',
    proof: proof('test/server/control-login.test.ts', 'is told by the same 530, whatever the reason'),
  },
  {
    rfc: 'RFC 2577 section 7',
    feature: 'Wrong user names are not told by the time of the answer',
    answer: 'A password for a name that does not exist costs what one for most users costs.',
    proof: proof('test/soak/equal-time.test.ts', 'are refused after the same time'),
  },
  {
    rfc: 'RFC 2577 section 8',
    feature: 'Port stealing: ports of data connections are random',
    answer: 'Each is drawn from `passive.ports` anew.',
    proof: proof('test/server/control-data-setup.test.ts', 'are at random ports'),
  },
]

const rfc2389And2428: readonly RfcRow[] = [
  {
    rfc: 'RFC 2389 section 3',
    feature: 'FEAT lists what is supported, and nothing else',
    answer: 'What this very session may use, as its listener, user and protection are.',
    proof: proof('test/server/control-discovery.test.ts', 'leaves out what the user may not do'),
  },
  {
    rfc: 'RFC 2428 section 4',
    feature: '`EPSV ALL`',
    answer: '200; PORT, PASV and EPRT are refused with 501 until REIN.',
    proof: proof('test/server/control-data-setup.test.ts', 'forbids every other way'),
  },
  {
    rfc: 'RFC 2428',
    feature: 'IPv6',
    answer: 'On control and data connections, both ways; PASV, which can’t tell such an address: 425.',
    proof: proof('test/server/control-data-setup.test.ts', 'EPSV and EPRT work, PASV does not'),
  },
]

const rfc2640: readonly RfcRow[] = [
  {
    rfc: 'RFC 2640 section 3',
    feature: 'UTF-8 path names',
    answer: 'Names are bytes that are kept as they are, UTF-8 or not; `UTF8` in FEAT, `OPTS UTF8 ON`: 200.',
    proof: proof('test/server/control-names.test.ts', 'is the same in upload, on disk, in listings'),
  },
  {
    rfc: 'RFC 2640 section 3.1',
    feature: 'CR in path names',
    answer: 'CR NUL stands for CR; replies and listings can’t be broken by one.',
    proof: proof('test/server/control-names.test.ts', 'is sent as CR NUL'),
  },
]

const rfc2640Language: readonly RfcRow[] = [
  {
    rfc: 'RFC 2640 section 4',
    feature: 'LANG decides about the words of replies; FEAT has a star at the language in use',
    answer: 'English, German, French, Spanish and Italian, by the lookup of RFC 4647. REIN, HOST and AUTH reset it.',
    proof: proof('test/server/control-language.test.ts', 'moves the star in FEAT'),
  },
]

const rfc7151: readonly RfcRow[] = [
  {
    rfc: 'RFC 7151 section 3',
    feature: 'HOST decides about users and files; REIN forgets it',
    answer: 'Only users whom the host takes log in; their homes are below its root. HOST after login: 503.',
    proof: proof('test/server/control-host.test.ts', 'takes the users to the root of the host'),
  },
  {
    rfc: 'RFC 7151 section 3',
    feature: 'HOST and the server name of TLS agree',
    answer: 'HOST with another name than SNI: 504. SNI with another name than HOST: the alert unrecognized_name.',
    proof: proof('test/server/control-host.test.ts', 'binds HOST to what the handshake named'),
  },
]

const rfc3659: readonly RfcRow[] = [
  {
    rfc: 'RFC 3659 section 2.3',
    feature: 'Times are in GMT',
    answer: 'In MDTM, MLSD, MLST and MFMT always; in LIST unless `listing.timeZone` says otherwise.',
    proof: proof('test/server/control-files.test.ts', 'MDTM and MFMT set and tell times in UTC'),
  },
  {
    rfc: 'RFC 3659 section 3.4',
    feature: 'MDTM as a setter, as many clients have it',
    answer: '`MDTM time path` sets the time, unless there is a file of that whole name.',
    proof: proof('test/server/control-files.test.ts', 'MDTM takes what is named like a time and a path'),
  },
  {
    rfc: 'RFC 3659 section 5',
    feature: 'REST in stream mode (`REST STREAM`)',
    answer: 'RETR, STOR and APPE begin at the offset, for that one command; what lies beyond an upload’s end stays.',
    proof: proof('test/server/control-files.test.ts', 'has STOR write at its offset'),
  },
  {
    rfc: 'RFC 3659 section 6',
    feature: 'Trivial virtual file store (TVFS)',
    answer: 'Slashes, `.` and `..`; `..` of the root is the root. `TVFS` in FEAT.',
    proof: proof('test/server/control-names.test.ts', 'end at the root (TVFS)'),
  },
  {
    rfc: 'RFC 3659 section 7.5',
    feature: 'The facts type, perm, size, unique and modify',
    answer: 'All of them, and UNIX.mode, UNIX.owner and UNIX.group; perm is what the user may do at that path.',
    proof: proof('test/server/control-listing.test.ts', 'the perm fact is what the user may do'),
  },
  {
    rfc: 'RFC 3659 section 7.9',
    feature: '`OPTS MLST`',
    answer: '`200 MLST OPTS …` with the facts that are left; FEAT marks them; a malformed one (501) changes nothing.',
    proof: proof('test/server/control-discovery.test.ts', 'marks the facts that OPTS MLST has chosen'),
  },
]

/** In the order of the RFCs. */
export const rfcRows: readonly RfcRow[] = [
  ...rfc959,
  ...endings,
  ...rfc1123,
  ...rfc2228And4217,
  ...rfc2389And2428,
  ...rfc2577,
  ...rfc2640,
  ...rfc3659,
  ...rfc2640Language,
  ...rfc7151,
  ...deflate,
]
