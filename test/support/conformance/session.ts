/** Expectations for what RFC 959 has for the session: access, parameters, information; with what RFC 1123 and RFC 2577 say of it. */

import { password } from '../server.ts'
import { type Row, withSynonyms } from './conformance.ts'

const access: Readonly<Record<string, Row>> = {
  USER: {
    rfc: 'RFC 959 section 4.1.1',
    stranger: { send: 'USER alice', code: 331 },
    // RFC 2577 section 7: the answer tells nothing of the name. RFC 959: it may come again at any time.
    cases: [
      { send: 'USER alice', code: 331, text: 'Password required.' },
      { send: 'USER nobody', code: 331, text: 'Password required.' },
      { send: 'user alice', code: 331 },
      { send: 'USER alice', by: 'stranger', after: ['USER nobody'], code: 331 },
    ],
  },
  PASS: {
    rfc: 'RFC 959 section 4.1.1',
    stranger: { send: 'PASS x', code: 503 },
    cases: [
      { send: `PASS ${password}`, code: 503 },
      { send: `PASS ${password}`, after: ['USER alice'], code: 230 },
      { send: 'PASS wrong', after: ['USER alice'], code: 530 },
      { send: 'PASS', after: ['USER alice'], code: 530 },
      { send: `PASS ${password}`, after: ['USER nobody'], code: 530 },
    ],
  },
  ACCT: {
    rfc: 'RFC 959 section 4.1.1',
    stranger: { send: 'ACCT x', code: 202 },
    cases: [{ send: 'ACCT x', code: 202 }],
  },
  CWD: {
    rfc: 'RFC 959 section 4.1.1',
    stranger: { send: 'CWD dir', code: 530 },
    cases: [
      { send: 'CWD dir', code: 250 },
      { send: 'CWD /dir/../dir/.', code: 250 },
      { send: 'CWD ../../..', code: 250 },
      { send: 'CWD missing', code: 550 },
      { send: 'CWD file', code: 550 },
    ],
  },
  CDUP: {
    rfc: 'RFC 959 section 4.1.1',
    stranger: { send: 'CDUP', code: 530 },
    cases: [
      { send: 'CDUP', after: ['CWD dir'], code: 250, text: '"/" is the working directory.' },
      { send: 'CDUP', code: 250, text: '"/" is the working directory.' },
    ],
  },
  SMNT: {
    rfc: 'RFC 959 section 4.1.1',
    stranger: { send: 'SMNT x', code: 530 },
    cases: [{ send: 'SMNT x', code: 202 }],
  },
  REIN: {
    rfc: 'RFC 959 section 4.1.1',
    stranger: { send: 'REIN', code: 220 },
    cases: [{ send: 'REIN', code: 220 }],
  },
  QUIT: {
    rfc: 'RFC 959 section 4.1.1',
    stranger: { send: 'QUIT', code: 221 },
    cases: [{ send: 'QUIT', code: 221 }],
  },
}

const parameters: Readonly<Record<string, Row>> = {
  PORT: {
    rfc: 'RFC 959 section 4.1.2',
    stranger: { send: 'PORT 127,0,0,1,200,10', code: 530 },
    // RFC 2577 section 3: no foreign addresses, no privileged ports.
    cases: [
      { send: 'PORT 127,0,0,1,200,10', code: 200 },
      { send: 'PORT 192,0,2,1,200,10', code: 501 },
      { send: 'PORT 127,0,0,1,3,255', code: 504 },
      { send: 'PORT 127,0,0,1,4,0', code: 200 },
      { send: 'PORT 127,0,0,1,0,0', code: 501 },
      { send: 'PORT 127,0,0,1,256,1', code: 501 },
      { send: 'PORT 127,0,0,1,200', code: 501 },
      { send: 'PORT garbage', code: 501 },
      { send: 'PORT 127,0,0,1,200,10', after: ['EPSV ALL'], code: 501 },
    ],
  },
  PASV: {
    rfc: 'RFC 959 section 4.1.2',
    stranger: { send: 'PASV', code: 530 },
    cases: [
      { send: 'PASV', code: 227 },
      { send: 'PASV', after: ['PASV'], code: 227 },
      { send: 'PASV', after: ['EPSV ALL'], code: 501 },
    ],
  },
  TYPE: {
    rfc: 'RFC 959 section 4.1.2',
    stranger: { send: 'TYPE I', code: 530 },
    // RFC 1123 sections 4.1.2.1 and 4.1.2.2: L 8 is I, A T is A N.
    cases: [
      ...['A', 'A N', 'A T', 'a n', 'I', 'i', 'L 8'].map(code => ({ send: `TYPE ${code}`, code: 200 })),
      ...['A C', 'E', 'E N', 'L 7', 'L 36'].map(code => ({ send: `TYPE ${code}`, code: 504 })),
      ...['X', 'A X', 'AN', 'I N', 'L', 'L x'].map(code => ({ send: `TYPE ${code}`, code: 501 })),
    ],
  },
  STRU: {
    rfc: 'RFC 959 section 4.1.2',
    stranger: { send: 'STRU F', code: 530 },
    cases: [
      { send: 'STRU F', code: 200 },
      { send: 'STRU f', code: 200 },
      { send: 'STRU R', code: 200, text: 'The structure is record.' },
      { send: 'STRU P', code: 504 },
      { send: 'STRU X', code: 501 },
    ],
  },
  MODE: {
    rfc: 'RFC 959 section 4.1.2',
    stranger: { send: 'MODE S', code: 530 },
    cases: [
      { send: 'MODE S', code: 200 },
      { send: 'MODE B', code: 200, text: 'The mode is block.' },
      { send: 'MODE c', code: 200, text: 'The mode is compressed.' },
      { send: 'MODE Z', code: 200, text: 'The mode is deflate.' },
      { send: 'MODE X', code: 501 },
    ],
  },
}

const information: Readonly<Record<string, Row>> = {
  SITE: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'SITE HELP', code: 530 },
    cases: [
      { send: 'SITE HELP', code: 214 },
      { send: 'site help', code: 214 },
      { send: 'SITE NOSUCH', code: 504 },
    ],
  },
  SYST: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'SYST', code: 215 },
    cases: [{ send: 'SYST', code: 215, text: 'UNIX Type: L8' }],
  },
  STAT: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'STAT', code: 211 },
    cases: [
      { send: 'STAT', code: 211 },
      { send: 'STAT dir', code: 212 },
      { send: 'STAT file', code: 213 },
      { send: 'STAT missing', code: 550 },
      { send: 'STAT dir', by: 'stranger', code: 530 },
    ],
  },
  HELP: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'HELP', code: 214 },
    cases: [
      { send: 'HELP', code: 214 },
      { send: 'HELP retr', code: 214 },
      { send: 'HELP SITE', code: 214 },
      { send: 'HELP SITE CHMOD', code: 214 },
      { send: 'HELP NOSUCH', code: 502 },
    ],
  },
  NOOP: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'NOOP', code: 200 },
    cases: [
      { send: 'NOOP', code: 200 },
      { send: 'noop', code: 200 },
    ],
  },
}

/** RFC 1123 section 4.1.3.1: the verbs of RFC 775 go on. */
export const sessionRows: Readonly<Record<string, Row>> = withSynonyms(
  { ...access, ...parameters, ...information },
  { CWD: 'XCWD', CDUP: 'XCUP' },
)
