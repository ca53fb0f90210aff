/** Every command that takes a path, as a client sends it. */
import type { Socket } from 'node:net'
import type { FtpClient, FtpReply } from './ftp-client.ts'

export type PathCommand = {
  /** All lines but the last must be answered before the last is sent. */
  readonly lines: (path: string) => readonly string[]
  /** What the data connection is for. */
  readonly data?: 'gets' | 'puts'
}

const plain = (verb: string): PathCommand => ({ lines: path => [`${verb} ${path}`] })
const gets = (verb: string): PathCommand => ({ ...plain(verb), data: 'gets' })
const puts = (verb: string): PathCommand => ({ ...plain(verb), data: 'puts' })

const quoted = (path: string): string => `"${path.replaceAll('"', '""')}"`

/** By verb; what renames is there for both of its ends, and needs a file `mine`. */
export const pathCommands: Readonly<Record<string, PathCommand>> = {
  CWD: plain('CWD'),
  XCWD: plain('XCWD'),
  MKD: plain('MKD'),
  XMKD: plain('XMKD'),
  RMD: plain('RMD'),
  XRMD: plain('XRMD'),
  DELE: plain('DELE'),
  RNFR: { lines: path => [`RNFR ${path}`, 'RNTO taken'] },
  RNTO: { lines: path => ['RNFR /mine', `RNTO ${path}`] },
  SIZE: plain('SIZE'),
  MDTM: { lines: path => [`MDTM ${path}`] },
  'MDTM with a time': { lines: path => [`MDTM 20200101000000 ${path}`] },
  MFMT: { lines: path => [`MFMT 20200101000000 ${path}`] },
  MFF: { lines: path => [`MFF modify=20200101000000;unix.mode=0700; ${path}`] },
  HASH: plain('HASH'),
  MD5: plain('MD5'),
  ...Object.fromEntries(['XCRC', 'XMD5', 'XSHA', 'XSHA1', 'XSHA256', 'XSHA512'].map(verb => [verb, plain(verb)])),
  'XCRC of a part': { lines: path => [`XCRC ${quoted(path)} 1 2`] },
  DSIZ: plain('DSIZ'),
  AVBL: plain('AVBL'),
  RMDA: plain('RMDA'),
  COMB: { lines: path => [`COMB ${quoted(path)} "/mine"`] },
  'COMB of a part': { lines: path => [`COMB "/combined" ${quoted(path)}`] },
  'SITE UTIME': { lines: path => [`SITE UTIME 20200101000000 ${path}`] },
  'SITE UTIME with three times': {
    lines: path => [`SITE UTIME ${path} ${Array(3).fill('20200101000000').join(' ')} UTC`],
  },
  'SITE MKDIR': plain('SITE MKDIR'),
  'SITE RMDIR': plain('SITE RMDIR'),
  'SITE SYMLINK': { lines: path => [`SITE SYMLINK / ${quoted(path)}`] },
  'SITE SYMLINK to it': { lines: path => [`SITE SYMLINK ${quoted(path)} /linked`, 'DELE /linked'] },
  'SITE CPFR': { lines: path => [`SITE CPFR ${path}`, 'SITE CPTO /copied'] },
  'SITE CPTO': { lines: path => ['SITE CPFR /mine', `SITE CPTO ${path}`] },
  'SITE COPY': { lines: path => [`SITE COPY ${quoted(path)} /copied`] },
  'SITE QUOTA': plain('SITE QUOTA'),
  MLST: plain('MLST'),
  STAT: plain('STAT'),
  'STAT -aR': { lines: path => [`STAT -aR ${path}`] },
  'SITE CHMOD': { lines: path => [`SITE CHMOD 700 ${path}`] },
  LIST: gets('LIST'),
  'LIST -laR': { lines: path => [`LIST -laR ${path}`], data: 'gets' },
  'LIST of a pattern': { lines: path => [`LIST ${path}/*`], data: 'gets' },
  NLST: gets('NLST'),
  MLSD: gets('MLSD'),
  RETR: gets('RETR'),
  STOR: puts('STOR'),
  'STOR from an offset': { lines: path => ['REST 1', `STOR ${path}`], data: 'puts' },
  APPE: puts('APPE'),
  STOU: puts('STOU'),
}

export type Told = { readonly last: FtpReply; readonly all: string }

/** Sends a command, as bytes of latin1, and puts or takes whatever its data connection is for. */
export async function tell(client: FtpClient, command: PathCommand, path: string): Promise<Told> {
  const said: FtpReply[] = []
  const send = async (line: string): Promise<FtpReply> => {
    client.write(Buffer.from(`${line}\r\n`, 'latin1'))
    const answer = await client.reply()
    said.push(answer)
    return answer
  }
  const data = command.data === undefined ? undefined : await client.passive()
  const arrived = data === undefined ? undefined : received(data)
  let last: FtpReply | undefined
  for (const line of command.lines(path)) {
    last = await send(line)
    if (last.code >= 400) break
  }
  if (last === undefined) throw new Error('a command without lines')
  if (data !== undefined && last.code < 200) {
    if (command.data === 'puts') data.end('intruder')
    last = await client.reply()
    said.push(last)
  }
  data?.end()
  const bytes = last.code < 400 ? await arrived : undefined
  data?.destroy()
  return { last, all: [...said.flatMap(({ lines }) => lines), bytes?.toString('latin1') ?? ''].join('\n') }
}

async function received(data: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  data.on('error', () => undefined)
  data.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise(resolve => data.once('close', resolve))
  return Buffer.concat(chunks)
}
