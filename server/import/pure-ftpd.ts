/** The virtual users of Pure-FTPd: `pureftpd.passwd`, which pure-pw writes. */
import { isNetwork } from '../config/network.ts'
import { weekdays } from '../config/schema/schedule.ts'
import { bandwidthOf, type Draft, type Drafts, dropped, type Loss, type Mistake, type Place, wider } from './draft.ts'
import { meaningfulLines, type SourceFile } from './lines.ts'
import { passwordOf } from './passwd.ts'

const leastFields = 6
const mostFields = 18
const format =
  '`name:password:uid:gid:gecos:home`, then up to 12 more: bandwidths, ratios, sessions, quotas, addresses and hours'

/** Hours there are those of the machine, whose time zone is given. */
export function readPureFtpd(file: SourceFile, timeZone: string): Drafts {
  const drafts: Draft[] = []
  const mistakes: Mistake[] = []
  for (const { place, text } of meaningfulLines(file)) {
    const fields = text.split(':')
    const [name = ''] = fields
    const reading =
      fields.length < leastFields || fields.length > mostFields
        ? `must have from ${leastFields} to ${mostFields} fields: ${format}`
        : readFields(place, fields, timeZone)
    if (typeof reading === 'string') mistakes.push({ place, user: name, message: reading })
    else drafts.push(reading)
  }
  return { drafts, mistakes }
}

/** What is wrong, as a phrase, if something is. */
function readFields(place: Place, fields: readonly string[], timeZone: string): Draft | string {
  const [name = '', password = '', , , , directory = '', ...limits] = fields
  const [up = '', down = '', ratioUp = '', ratioDown = '', sessions = '', files = '', bytes = ''] = limits
  const [localAllowed = '', localDenied = '', allowed = '', denied = '', hours = ''] = limits.slice(7)
  const numbers = { up, down, ratioUp, ratioDown, sessions, files, bytes }
  for (const [field, text] of Object.entries(numbers)) {
    if (text !== '' && !(/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)))) {
      return `${fieldNames[field as keyof typeof numbers]} must be a whole number`
    }
  }
  const [from, to] = hours.split('-', 2).map(timeOfDay)
  if (hours !== '' && (from === undefined || to === undefined || !/^\d+-\d+$/.test(hours))) {
    return 'the hours must be `HHMM-HHMM`'
  }
  const bandwidth = bandwidthOf(Number(up), Number(down))
  // What stands behind `/./` is the directory a session begins in, what stands before it is what it sees as `/`.
  const [jail = '', start] = directory.split(/\/\.(?:\/|$)/, 2)
  const confined = start !== undefined
  const networks = listOf(allowed)
  const hosts = networks.filter(text => !isNetwork(text))
  const losses: Loss[] = [
    ...(confined ? [] : [dropped('was not confined to its home: here it sees its home as `/`')]),
    ...(start ? [dropped(`began in ${start}: here it begins in \`/\``)] : []),
    ...[up, down]
      .filter(rate => isSet(rate) && Number(rate) < 1024)
      .map(rate => dropped(`had a bandwidth of ${rate} bytes a second, which is less than there is here`)),
    ...(isSet(ratioUp) || isSet(ratioDown) ? [dropped(`had a ratio of ${ratioUp || 0}:${ratioDown || 0}`)] : []),
    ...(files === '0' || bytes === '0' ? [wider('had a quota of nothing, which there is not here')] : []),
    ...(localAllowed === '' && localDenied === '' ? [] : [wider('could log in at some addresses of the server only')]),
    ...(hosts.length === 0 ? [] : [dropped(`could log in from ${hosts.join(', ')}, which must be given by address`)]),
    ...(denied === '' ? [] : [wider(`could not log in from ${denied}`)]),
  ]
  const known = networks.filter(isNetwork)
  return {
    place,
    name,
    password: passwordOf(password),
    home: confined && jail === '' ? '/' : jail,
    ...(isSet(sessions) && { limits: { maxSessions: Number(sessions) } }),
    ...((isSet(files) || isSet(bytes)) && {
      quota: { ...(isSet(bytes) && { maxBytes: Number(bytes) }), ...(isSet(files) && { maxFiles: Number(files) }) },
    }),
    ...(bandwidth !== undefined && { bandwidth }),
    ...(known.length > 0 && { allowedNetworks: known }),
    ...(from !== undefined &&
      to !== undefined && { schedule: { timeZone, windows: [{ days: [...weekdays], from, to }] } }),
    // An empty list would let everybody in.
    ...(known.length === 0 && hosts.length > 0 && { disabled: 'it could log in from hosts by name only' }),
    losses,
  }
}

/** `930` or `0930` as `09:30`. */
function timeOfDay(text: string): string | undefined {
  const digits = text.padStart(4, '0')
  const time = `${digits.slice(0, 2)}:${digits.slice(2)}`
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(time) && text !== '' ? time : undefined
}

const fieldNames = {
  up: 'the upload bandwidth',
  down: 'the download bandwidth',
  ratioUp: 'the upload ratio',
  ratioDown: 'the download ratio',
  sessions: 'the number of sessions',
  files: 'the quota of files',
  bytes: 'the quota of bytes',
}

function isSet(number: string): boolean {
  return number !== '' && Number(number) > 0
}

function listOf(text: string): readonly string[] {
  return text.split(',').flatMap(item => (item.trim() === '' ? [] : [item.trim()]))
}
