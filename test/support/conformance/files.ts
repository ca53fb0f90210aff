/** Expectations for what RFC 959 has for files: transfers, listings, names; with what RFC 1123 and RFC 3659 say of it. */
import { type Row, withSynonyms } from './conformance.ts'

const tooLong = 'x'.repeat(256)

const transfers: Readonly<Record<string, Row>> = {
  RETR: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'RETR file', code: 530 },
    cases: [
      { send: 'RETR file', gets: '0123456789', code: 226 },
      { send: 'RETR file', after: ['MODE B', 'TYPE I'], gets: '\0\0\n0123456789@\0\0', code: 226 },
      // A marker of the server is an offset in the file, also where what is sent of it differs.
      { send: 'RETR file', after: ['MODE B', 'TYPE A', 'REST 8'], gets: '\0\0\u000289@\0\0', code: 226 },
      { send: 'RETR file', code: 425 },
      { send: 'RETR missing', after: ['EPSV'], code: 550 },
      { send: 'RETR dir', after: ['EPSV'], code: 550 },
      // RFC 1123 section 4.1.3.4 and RFC 3659 section 5.3
      { send: 'RETR file', after: ['TYPE I', 'EPSV', 'REST 11'], code: 554 },
      { send: 'RETR file', after: ['TYPE I', 'EPSV', 'REST 5', 'TYPE A'], code: 554 },
    ],
  },
  STOR: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'STOR new', code: 530 },
    cases: [
      { send: 'STOR new', puts: 'data', code: 226 },
      { send: 'STOR file', puts: '', code: 226 },
      { send: 'STOR file', after: ['TYPE I', 'REST 10'], puts: 'data', code: 226 },
      { send: 'STOR new', after: ['MODE B'], puts: '\0\0\u0004data@\0\0', code: 226 },
      { send: 'STOR new', after: ['MODE B'], puts: '\0\0\u0004data', code: 426 },
      { send: 'STOR new', after: ['MODE C'], puts: '\u0004data', code: 426 },
      { send: 'STOR new', after: ['STRU R'], puts: 'data', code: 426 },
      { send: 'STOR new', after: ['MODE Z'], puts: '', code: 426 },
      { send: 'STOR new', after: ['MODE Z'], puts: 'data', code: 451 },
      { send: 'STOR new', code: 425 },
      { send: 'STOR dir', after: ['EPSV'], code: 550 },
      { send: 'STOR missing/new', after: ['EPSV'], code: 550 },
      { send: `STOR ${tooLong}`, after: ['EPSV'], code: 553 },
      { send: 'STOR file', after: ['TYPE I', 'EPSV', 'REST 11'], code: 554 },
      { send: 'STOR file', after: ['TYPE I', 'EPSV', 'REST 5', 'TYPE A'], code: 554 },
    ],
  },
  STOU: {
    rfc: 'RFC 1123 section 4.1.2.9',
    stranger: { send: 'STOU', code: 530 },
    cases: [
      { send: 'STOU', puts: 'data', code: 226 },
      { send: 'STOU file', puts: 'data', code: 226 },
      { send: 'STOU', code: 425 },
      { send: 'STOU', after: ['TYPE I', 'EPSV', 'REST 5'], code: 503 },
    ],
  },
  APPE: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'APPE file', code: 530 },
    cases: [
      { send: 'APPE file', puts: 'data', code: 226 },
      { send: 'APPE new', puts: 'data', code: 226 },
      { send: 'APPE file', after: ['MODE B'], puts: '\0\0\u0004data@\0\0', code: 226 },
      { send: 'APPE file', code: 425 },
      { send: 'APPE dir', after: ['EPSV'], code: 550 },
      { send: 'APPE file', after: ['TYPE I', 'EPSV', 'REST 5', 'TYPE A'], code: 554 },
    ],
  },
  ALLO: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'ALLO 10', code: 530 },
    // 200 and not 202: some cameras take 202 for a refusal.
    cases: [
      { send: 'ALLO 10', code: 200 },
      { send: 'ALLO 10 R 5', code: 200 },
      { send: 'ALLO ten', code: 501 },
      { send: 'ALLO -1', code: 501 },
    ],
  },
  REST: {
    rfc: 'RFC 3659 section 5',
    stranger: { send: 'REST 0', code: 530 },
    cases: [
      { send: 'REST 0', code: 350 },
      { send: 'REST 9007199254740991', after: ['TYPE I'], code: 350 },
      { send: 'REST 9007199254740992', after: ['TYPE I'], code: 501 },
      { send: 'REST 99999999999999999999', after: ['TYPE I'], code: 501 },
      { send: 'REST -1', after: ['TYPE I'], code: 501 },
      { send: 'REST 1.5', after: ['TYPE I'], code: 501 },
      { send: 'REST ten', code: 501 },
      { send: 'REST 5', after: ['TYPE A'], code: 501 },
    ],
  },
  ABOR: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'ABOR', code: 530 },
    cases: [
      { send: 'ABOR', code: 226 },
      { send: 'ABOR', after: ['EPSV'], code: 225 },
      { send: 'ABOR', after: ['EPSV', 'ABOR'], code: 226 },
    ],
  },
  LIST: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'LIST', code: 530 },
    cases: [
      { send: 'LIST empty', gets: '', code: 226 },
      { send: 'LIST', code: 425 },
      { send: 'LIST missing', after: ['EPSV'], code: 550 },
    ],
  },
  NLST: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'NLST', code: 530 },
    cases: [
      { send: 'NLST', gets: 'dir\r\nempty\r\nfile\r\n', code: 226 },
      { send: 'NLST', after: ['TYPE I'], gets: 'dir\r\nempty\r\nfile\r\n', code: 226 },
      { send: 'NLST empty', gets: '', code: 226 },
      { send: 'NLST', code: 425 },
      { send: 'NLST missing', after: ['EPSV'], code: 550 },
    ],
  },
}

const files: Readonly<Record<string, Row>> = {
  RNFR: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'RNFR file', code: 530 },
    cases: [
      { send: 'RNFR file', code: 350 },
      { send: 'RNFR dir', code: 350 },
      { send: 'RNFR missing', code: 550 },
    ],
  },
  RNTO: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'RNTO new', code: 530 },
    cases: [
      { send: 'RNTO new', after: ['RNFR file'], code: 250 },
      { send: 'RNTO new', code: 503 },
      { send: 'RNTO new', after: ['RNFR file', 'NOOP'], code: 503 },
      { send: 'RNTO again', after: ['RNFR file', 'RNTO new'], code: 503 },
      { send: 'RNTO missing/new', after: ['RNFR file'], code: 550 },
      { send: `RNTO ${tooLong}`, after: ['RNFR file'], code: 553 },
    ],
  },
  DELE: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'DELE file', code: 530 },
    cases: [
      { send: 'DELE file', code: 250 },
      { send: 'DELE missing', code: 550 },
      { send: 'DELE dir', code: 550 },
    ],
  },
  RMD: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'RMD empty', code: 530 },
    cases: [
      { send: 'RMD empty', code: 250 },
      { send: 'RMD dir', code: 550 },
      { send: 'RMD file', code: 550 },
      { send: 'RMD missing', code: 550 },
      { send: 'RMD /', code: 550 },
    ],
  },
  MKD: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'MKD new', code: 530 },
    // RFC 959 appendix II: the absolute path, with quotes doubled.
    cases: [
      { send: 'MKD new', after: ['CWD dir'], code: 257, text: '"/dir/new" was made.' },
      { send: 'MKD a "b"', code: 257, text: '"/a ""b""" was made.' },
      { send: 'MKD dir', code: 550 },
      { send: 'MKD missing/new', code: 550 },
      { send: `MKD ${tooLong}`, code: 553 },
    ],
  },
  PWD: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'PWD', code: 530 },
    cases: [{ send: 'PWD', after: ['CWD dir'], code: 257, text: '"/dir" is the working directory.' }],
  },
}

/** RFC 1123 section 4.1.3.1: the verbs of RFC 775 go on. */
export const fileRows: Readonly<Record<string, Row>> = withSynonyms(
  { ...transfers, ...files },
  { MKD: 'XMKD', PWD: 'XPWD', RMD: 'XRMD' },
)
