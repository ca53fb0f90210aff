/** Expectations for the commands that came after RFC 959, and for those of SITE. */
import type { Row } from './conformance.ts'
import { draftRows } from './drafts.ts'
import { customarySiteRows } from './site.ts'

const protection: Readonly<Record<string, Row>> = {
  AUTH: {
    rfc: 'RFC 4217 section 4',
    stranger: { send: 'AUTH TLS', code: 234 },
    cases: [
      ...['TLS', 'tls', 'TLS-C', 'TLS-P', 'SSL'].map(
        mechanism => ({ send: `AUTH ${mechanism}`, over: 'clear', code: 234 }) as const,
      ),
      { send: 'AUTH TLS', over: 'tls', code: 534 },
      { send: 'AUTH KERBEROS_V4', code: 504 },
    ],
  },
  ADAT: {
    rfc: 'RFC 2228 section 3',
    stranger: { send: 'ADAT QQ==', code: 503 },
    cases: [{ send: 'ADAT QQ==', code: 503 }],
  },
  PBSZ: {
    rfc: 'RFC 4217 section 9',
    stranger: { send: 'PBSZ 0', code: 503 },
    cases: [
      { send: 'PBSZ 0', over: 'clear', code: 503 },
      { send: 'PBSZ 0', over: 'tls', code: 200, text: 'PBSZ=0' },
      { send: 'PBSZ 4294967295', over: 'tls', code: 200, text: 'PBSZ=0' },
      { send: 'PBSZ 4294967296', over: 'tls', code: 501 },
      { send: 'PBSZ zero', over: 'tls', code: 501 },
    ],
  },
  PROT: {
    rfc: 'RFC 4217 section 9',
    stranger: { send: 'PROT P', code: 503 },
    cases: [
      { send: 'PROT P', over: 'clear', code: 503 },
      { send: 'PROT P', over: 'tls', code: 200 },
      { send: 'PROT C', over: 'tls', code: 200 },
      { send: 'PROT p', over: 'tls', code: 200 },
      { send: 'PROT S', over: 'tls', code: 536 },
      { send: 'PROT E', over: 'tls', code: 536 },
      { send: 'PROT X', over: 'tls', code: 504 },
    ],
  },
  CCC: {
    rfc: 'RFC 4217 section 5',
    stranger: { send: 'CCC', code: 533 },
    cases: [
      { send: 'CCC', over: 'clear', code: 533 },
      { send: 'CCC', over: 'tls', code: 200 },
    ],
  },
  ...Object.fromEntries(
    ['MIC', 'CONF', 'ENC'].map(verb => [
      verb,
      {
        rfc: 'RFC 2228 section 3',
        stranger: { send: `${verb} QQ==`, code: 503 },
        cases: [
          { send: `${verb} QQ==`, over: 'clear', code: 503 },
          { send: `${verb} QQ==`, over: 'tls', code: 537 },
        ],
      } satisfies Row,
    ]),
  ),
}

const negotiation: Readonly<Record<string, Row>> = {
  FEAT: {
    rfc: 'RFC 2389 section 3',
    stranger: { send: 'FEAT', code: 211 },
    cases: [{ send: 'FEAT', code: 211 }],
  },
  OPTS: {
    rfc: 'RFC 2389 section 4',
    stranger: { send: 'OPTS UTF8 ON', code: 200 },
    // 200 for UTF8 is what Windows Explorer needs.
    cases: [
      { send: 'OPTS UTF8 ON', code: 200 },
      { send: 'opts utf8 on', code: 200 },
      { send: 'OPTS UTF8', code: 200 },
      { send: 'OPTS UTF-8 ON', code: 200 },
      { send: 'OPTS UTF8 OFF', code: 504 },
      { send: 'OPTS MLST size;type;nosuch;', code: 200, text: 'MLST OPTS type;size;' },
      { send: 'OPTS MLST', code: 200, text: 'MLST OPTS' },
      { send: 'OPTS MLST type', code: 501 },
      { send: 'OPTS MLST type; size;', code: 501 },
      { send: 'OPTS HASH', code: 200, text: 'SHA-256' },
      { send: 'OPTS HASH md5', code: 200, text: 'MD5' },
      { send: 'OPTS HASH', after: ['OPTS HASH SHA-512'], code: 200, text: 'SHA-512' },
      { send: 'OPTS HASH MD4', code: 501 },
      { send: 'OPTS MODE Z LEVEL 9', code: 200, text: 'The level of MODE Z is 9.' },
      { send: 'OPTS MODE z level 0 engine zlib method 8', code: 200, text: 'The level of MODE Z is 0.' },
      { send: 'OPTS MODE Z', after: ['OPTS MODE Z LEVEL 9'], code: 200, text: 'The level of MODE Z is 6.' },
      { send: 'OPTS MODE Z LEVEL 10', code: 501 },
      { send: 'OPTS MODE Z LEVEL', code: 501 },
      { send: 'OPTS MODE Z LEVEL -1', code: 501 },
      { send: 'OPTS MODE Z ENGINE BZIP2', code: 504 },
      { send: 'OPTS MODE Z METHOD 9', code: 504 },
      { send: 'OPTS MODE Z BLOCKSIZE 1024', code: 504 },
      { send: 'OPTS MODE Z NOSUCH 1', code: 501 },
      { send: 'OPTS MODE B LEVEL 1', code: 501 },
      { send: 'OPTS RETR x', code: 501 },
      { send: 'OPTS NOSUCH', code: 501 },
    ],
  },
  LANG: {
    rfc: 'RFC 2640 section 4',
    stranger: { send: 'LANG EN', code: 200 },
    cases: [
      { send: 'LANG', code: 200 },
      { send: 'LANG en-GB', code: 200 },
      { send: 'LANG de-AT', code: 200, text: 'Antworten sind auf Deutsch.' },
      { send: 'LANG', after: ['LANG it'], code: 200, text: 'Replies are in English.' },
      { send: 'LANG nl', code: 504 },
      { send: 'LANG e_n', code: 501 },
    ],
  },
  HOST: {
    rfc: 'RFC 7151 section 3',
    stranger: { send: 'HOST ftp.example.com', code: 220 },
    cases: [
      { send: 'HOST FTP.example.com', by: 'stranger', code: 220 },
      { send: 'HOST www.example.com', by: 'stranger', code: 220 },
      { send: 'HOST ftp.example.com', by: 'stranger', after: ['HOST www.example.com', 'USER alice'], code: 220 },
      { send: 'HOST other.example.com', by: 'stranger', code: 504 },
      { send: 'HOST [127.0.0.1]', by: 'stranger', code: 220 },
      { send: 'HOST 127.0.0.1', by: 'stranger', code: 220 },
      { send: 'HOST [127.0.0.2]', by: 'stranger', code: 504 },
      { send: 'HOST [::1]', by: 'stranger', code: 504 },
      { send: 'HOST ::1', by: 'stranger', code: 501 },
      { send: 'HOST ftp.example.com:21', by: 'stranger', code: 501 },
      { send: 'HOST ftp_1', by: 'stranger', code: 501 },
      { send: 'HOST ftp.example.com', code: 503 },
    ],
  },
  CLNT: {
    rfc: 'No RFC',
    stranger: { send: 'CLNT x', code: 200 },
    cases: [{ send: 'CLNT FileZilla', code: 200 }],
  },
}

const refusedAncestor: Row = {
  rfc: 'RFC 1639',
  stranger: { send: 'LPRT 4,4,127,0,0,1,2,200,10', code: 530 },
  cases: [
    { send: 'LPRT 4,4,127,0,0,1,2,200,10', code: 521 },
    { send: 'LPRT', code: 521 },
  ],
}

const addresses: Readonly<Record<string, Row>> = {
  EPRT: {
    rfc: 'RFC 2428 section 2',
    stranger: { send: 'EPRT |1|127.0.0.1|50000|', code: 530 },
    // RFC 2577 section 3 holds here as for PORT.
    cases: [
      { send: 'EPRT |1|127.0.0.1|50000|', code: 200 },
      { send: 'EPRT !1!127.0.0.1!50000!', code: 200 },
      { send: 'EPRT |3|x|1|', code: 522, text: 'The network protocol is not supported, use (1,2)' },
      { send: 'EPRT |1|192.0.2.1|50000|', code: 501 },
      { send: 'EPRT |2|::1|50000|', code: 501 },
      { send: 'EPRT |1|127.0.0.1|1023|', code: 504 },
      { send: 'EPRT |1|::1|50000|', code: 501 },
      { send: 'EPRT |1|127.0.0.1|65536|', code: 501 },
      { send: 'EPRT |1|127.0.0.1|50000', code: 501 },
      { send: 'EPRT garbage', code: 501 },
      { send: 'EPRT |1|127.0.0.1|50000|', after: ['EPSV ALL'], code: 501 },
    ],
  },
  EPSV: {
    rfc: 'RFC 2428 section 3',
    stranger: { send: 'EPSV', code: 530 },
    cases: [
      { send: 'EPSV', code: 229 },
      { send: 'EPSV 1', code: 229 },
      { send: 'EPSV 2', code: 522, text: 'The network protocol is not supported, use (1)' },
      { send: 'EPSV 3', code: 522, text: 'The network protocol is not supported, use (1)' },
      { send: 'EPSV ALL', code: 200 },
      { send: 'EPSV', after: ['EPSV all'], code: 229 },
      { send: 'EPSV x', code: 501 },
    ],
  },
  LPRT: refusedAncestor,
  LPSV: { ...refusedAncestor, stranger: { send: 'LPSV', code: 530 }, cases: [{ send: 'LPSV', code: 521 }] },
}

const files: Readonly<Record<string, Row>> = {
  MDTM: {
    rfc: 'RFC 3659 section 3',
    stranger: { send: 'MDTM file', code: 530 },
    cases: [
      { send: 'MDTM file', code: 213, text: '20240229123456' },
      { send: 'MDTM missing', code: 550 },
      { send: 'MDTM dir', code: 550 },
      { send: 'MDTM 20200229000000 file', code: 213, text: '20200229000000' },
      // No such day, so that it can only be a name.
      { send: 'MDTM 20210229000000 file', code: 550 },
    ],
  },
  SIZE: {
    rfc: 'RFC 3659 section 4',
    stranger: { send: 'SIZE file', code: 530 },
    cases: [
      { send: 'SIZE file', after: ['TYPE I'], code: 213, text: '10' },
      { send: 'SIZE file', after: ['TYPE A'], code: 550 },
      { send: 'SIZE dir', after: ['TYPE I'], code: 550 },
      { send: 'SIZE missing', after: ['TYPE I'], code: 550 },
    ],
  },
  MLST: {
    rfc: 'RFC 3659 section 7',
    stranger: { send: 'MLST file', code: 530 },
    cases: [
      { send: 'MLST', code: 250 },
      { send: 'MLST file', code: 250 },
      { send: 'MLST dir', code: 250 },
      { send: 'MLST missing', code: 550 },
    ],
  },
  MLSD: {
    rfc: 'RFC 3659 section 7',
    stranger: { send: 'MLSD', code: 530 },
    cases: [
      { send: 'MLSD dir', after: ['OPTS MLST type;size;'], gets: 'type=file;size=5; inner\r\n', code: 226 },
      { send: 'MLSD empty', gets: '', code: 226 },
      { send: 'MLSD', code: 425 },
      { send: 'MLSD file', after: ['EPSV'], code: 501 },
      { send: 'MLSD missing', after: ['EPSV'], code: 550 },
      { send: 'MLSD d*', after: ['EPSV'], code: 550 },
    ],
  },
}

export const extensionRows: Readonly<Record<string, Row>> = {
  ...protection,
  ...negotiation,
  ...addresses,
  ...files,
  ...draftRows,
}

export const siteRows: Readonly<Record<string, Row>> = {
  ...customarySiteRows,
  CHMOD: {
    rfc: 'No RFC',
    stranger: { send: 'SITE CHMOD 600 file', code: 530 },
    cases: [
      { send: 'SITE CHMOD 600 file', code: 200 },
      { send: 'site chmod 0700 dir', code: 200 },
      { send: 'SITE CHMOD 999 file', code: 501 },
      { send: 'SITE CHMOD u+x file', code: 501 },
      { send: 'SITE CHMOD 600', code: 501 },
      { send: 'SITE CHMOD', code: 501 },
      { send: 'SITE CHMOD 600 missing', code: 550 },
    ],
  },
  HELP: {
    rfc: 'RFC 959 section 4.1.3',
    stranger: { send: 'SITE HELP', code: 530 },
    cases: [{ send: 'SITE HELP', code: 214 }],
  },
}
