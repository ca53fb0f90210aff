/** What real clients need of a server, as their users have reported it, and how they get it here: the reference of clients. */

export type ClientRow = {
  readonly client: string
  readonly need: string
  /** What this server does. */
  readonly answer: string
  /** Where that is proved: a file of tests, and the words by which to find the test in it. */
  readonly proof: { readonly file: string; readonly test: string }
}

function proof(file: string, test: string): ClientRow['proof'] {
  return { file, test }
}

const programs = 'test/clients/transcripts.test.ts'
const libraries = 'test/clients/transcripts-libraries.test.ts'
const duringTransfer = 'test/server/control-during-transfer.test.ts'
const dataSetup = 'test/server/control-data-setup.test.ts'
const control = 'test/server/control-tls.test.ts'

const forPeople: readonly ClientRow[] = [
  {
    client: 'FileZilla',
    need: 'CLNT and OPTS UTF8 ON before PBSZ and PROT; keeps sessions alive by NOOP, TYPE and PWD; goes on after MKD where the answer says that the directory “already exists”',
    answer: 'All of it is taken; data connections resume the TLS session, and end with close_notify.',
    proof: proof(programs, 'FileZilla logs in under TLS'),
  },
  {
    client: 'FileZilla',
    need: 'Tries AUTH TLS and AUTH SSL, and goes on in clear text where both are refused',
    answer: '534 where TLS is disabled, and the session goes on.',
    proof: proof(programs, 'FileZilla goes on where a directory is there already'),
  },
  {
    client: 'WinSCP',
    need: 'Names in quotes for HASH and SITE SYMLINK; MFMT, SITE CPFR and CPTO',
    answer: 'Names are taken with and without quotes.',
    proof: proof(programs, 'WinSCP logs in under TLS'),
  },
  {
    client: 'WinSCP, Beyond Compare',
    need: 'The answer to a checksum in one line, however long it takes',
    answer:
      'XCRC and its like, and HASH for WinSCP, answer once. To others HASH says every five seconds that it goes on.',
    proof: proof('test/server/control-checksums.test.ts', 'clients that would fail at several lines hear nothing'),
  },
  {
    client: 'FlashFXP',
    need: 'PBSZ before the login',
    answer: 'PBSZ and PROT need TLS, and no login.',
    proof: proof(programs, 'FlashFXP sets up protection before it logs in'),
  },
  {
    client: 'Windows Explorer',
    need: '200 to OPTS UTF8 ON, 150 and not 125 before data, an answer to SITE HELP; lists by LIST alone',
    answer: '200, always 150, 214.',
    proof: proof(programs, 'Explorer of Windows asks for help with SITE'),
  },
  {
    client: 'ftp.exe of Windows',
    need: 'OPTS UTF8 ON before USER; XPWD, XMKD and their like',
    answer: 'Both are taken.',
    proof: proof(programs, 'ftp.exe of Windows asks for UTF-8 before it says who it is'),
  },
  {
    client: 'GNOME, Ubuntu',
    need: 'LIST -a; 150 and not 125 before data',
    answer: 'Flags of `ls` are known, and 125 is never sent.',
    proof: proof(programs, 'files of GNOME and of Ubuntu list with -a'),
  },
  {
    client: 'Total Commander',
    need: 'LIST -la',
    answer: 'Flags may stand together and alone.',
    proof: proof('test/server/control-listing.test.ts', 'takes flags'),
  },
  {
    client: 'lftp',
    need: 'ALLO before STOR, MLSD where FEAT has MLST, QUIT while a transfer runs',
    answer: 'ALLO is answered with 200 if there is room; QUIT waits for the end of the transfer.',
    proof: proof(duringTransfer, 'QUIT waits for its end, is answered'),
  },
  {
    client: 'Clients on phones',
    need: 'PWD while a transfer runs',
    answer: 'It is answered after the transfer.',
    proof: proof(duringTransfer, 'NOOP, PWD and STAT with a path wait for its end'),
  },
]

const forPrograms: readonly ClientRow[] = [
  {
    client: 'FluentFTP (.NET)',
    need: 'Looks for “not allowed in ASCII”, “no such file” and “directory already exists” in answers; reads HASH with range and name; finds servers with ways of their own by banner and SYST',
    answer: 'The words are there; neither banner nor SYST is like that of another server.',
    proof: proof(libraries, 'takes the server for none of those that it has special ways for'),
  },
  {
    client: 'FluentFTP (.NET)',
    need: 'NOOP while a transfer runs, each with an answer that is not taken for that of the transfer',
    answer: 'The result of the transfer comes first, then 200 for each.',
    proof: proof(libraries, 'stores a file in a new directory, while it asks with NOOP'),
  },
  {
    client: 'FtpWebRequest (.NET)',
    need: 'OPTS utf8 on and PWD after the login; one connection for several requests',
    answer:
      'SIZE before any transfer is refused with 550, as by ProFTPD and pyftpdlib: TYPE is A then, in which RETR would send another number of bytes. After a transfer it is answered; with `transfers.ascii: off`, where files go as they are, always.',
    proof: proof(libraries, 'begins with OPTS and PWD'),
  },
  {
    client: 'commons-net (Java)',
    need: 'Answers of three digits with a text that is not empty; SYST that tells the format of LIST',
    answer: 'No text is empty; the format is that of Unix.',
    proof: proof(libraries, 'reads FEAT and SYST before it lists'),
  },
  {
    client: 'Cyberduck',
    need: 'Lists by MLSD, STAT, LIST -a and LIST, whichever works; SITE UTIME with three times',
    answer: 'All of them work.',
    proof: proof(libraries, 'as Cyberduck lists by STAT'),
  },
  {
    client: 'ftplib (Python)',
    need: 'TLS on data connections after 150 only; ABOR as urgent data, whose LF is lost',
    answer: '150 comes before the handshake; ABOR, STAT and QUIT are understood without LF.',
    proof: proof('test/server/control-telnet.test.ts', 'is understood without its LF'),
  },
  {
    client: 'basic-ftp (Node.js)',
    need: 'STRU F, OPTS MLST with facts that nobody has; PASV at the address of the control connection',
    answer: '200; unknown facts are passed over.',
    proof: proof('test/support/conformance/extensions.ts', 'OPTS MLST size;type;nosuch;'),
  },
  {
    client: 'rclone, goftp (Go)',
    need: 'Implicit TLS without PROT; MLST of a file; one cache of TLS sessions for several connections',
    answer: 'Under implicit TLS data is private from the beginning; PROT is taken at any time.',
    proof: proof(control, 'begins with the handshake; data is private without a word'),
  },
  {
    client: 'curl',
    need: 'EPSV first; in TLS 1.3 uses each session ticket once',
    answer: 'Each resumption brings a new ticket.',
    proof: proof('test/server/tls-session.test.ts', 'sends a new ticket with each resumption'),
  },
]

const devices: readonly ClientRow[] = [
  {
    client: 'Cameras of Dahua',
    need: 'Leave where ALLO is answered with 202',
    answer: '200.',
    proof: proof(programs, 'a camera of Dahua announces the size of a picture'),
  },
  {
    client: 'Cameras of Reolink',
    need: 'CWD with two slashes; make what they do not find',
    answer: 'Two slashes are one; 550 for what is missing.',
    proof: proof(programs, 'a camera of Reolink looks for its directory before it makes it'),
  },
  {
    client: 'Cameras of Yi',
    need: 'Commands in lower case, all at once',
    answer: 'They are answered one after the other.',
    proof: proof(programs, 'a camera of Yi sends all lines at once, in lower case'),
  },
  {
    client: 'Cameras with busybox',
    need: 'PORT; connections that end without QUIT, half closed ones too',
    answer: 'Active connections are on by default; what was sent before the end is answered.',
    proof: proof(dataSetup, 'come from the server to where PORT and EPRT say'),
  },
  {
    client: 'Scanners and printers',
    need: 'Log in, look and leave before they scan; passive, without TLS, and at an address that is right for their network',
    answer: '`passive.advertisedAddresses` has one for each network of clients.',
    proof: proof(dataSetup, 'are told by the advertised address and port, by the client’s network'),
  },
  {
    client: 'Printers of Bambu Lab',
    need: 'Implicit TLS',
    answer: 'A listener with `tls: implicit`.',
    proof: proof(control, 'begins with the handshake; data is private without a word'),
  },
  {
    client: 'lwftp and others on microcontrollers',
    need: '226 when the data connection is closed, and not before',
    answer: '226 comes after its end.',
    proof: proof(duringTransfer, 'is told after the data connection is closed'),
  },
  {
    client: 'xftp',
    need: 'An address in the answer to PASV that can be connected to',
    answer: '0.0.0.0 is never told: without an address that is known it is that of the control connection.',
    proof: proof(dataSetup, 'go to the address and port that PASV names in parentheses'),
  },
]

export const clientRows: readonly ClientRow[] = [...forPeople, ...forPrograms, ...devices]
