/** Expectations for the commands of Internet-Drafts, and of those that clients brought along. */
import type { Row } from './conformance.ts'

const facts: Readonly<Record<string, Row>> = {
  MFMT: {
    rfc: 'draft-somers-ftp-mfxx',
    stranger: { send: 'MFMT 20200229123456 file', code: 530 },
    cases: [
      { send: 'MFMT 20200229123456 file', code: 213, text: 'Modify=20200229123456; file' },
      { send: 'MFMT 20210229123456 file', code: 501 },
      { send: 'MFMT 20200229 file', code: 501 },
      { send: 'MFMT 20200229123456', code: 501 },
      { send: 'MFMT 20200229123456 missing', code: 550 },
    ],
  },
  MFCT: {
    rfc: 'draft-somers-ftp-mfxx',
    stranger: { send: 'MFCT 20200229123456 file', code: 530 },
    cases: [
      { send: 'MFCT 20200229123456 file', code: 504 },
      { send: 'MFCT file', code: 504 },
    ],
  },
  MFF: {
    rfc: 'draft-somers-ftp-mfxx',
    stranger: { send: 'MFF modify=20200229123456; file', code: 530 },
    cases: [
      { send: 'MFF modify=20200229123456; file', code: 213, text: 'Modify=20200229123456; file' },
      { send: 'MFF Modify=20200229123456; dir', code: 213, text: 'Modify=20200229123456; dir' },
      { send: 'MFF UNIX.mode=0640; file', code: 213, text: 'UNIX.mode=0640; file' },
      {
        send: 'MFF unix.mode=640;MODIFY=20200229123456; file',
        code: 213,
        text: 'Modify=20200229123456;UNIX.mode=0640; file',
      },
      { send: 'MFF create=20200229123456; file', code: 504, text: 'The fact create cannot be set.' },
      { send: 'MFF modify=20200229123456;UNIX.owner=0; file', code: 504, text: 'The fact UNIX.owner cannot be set.' },
      { send: 'MFF modify=20210229123456; file', code: 501 },
      { send: 'MFF UNIX.mode=4755; file', code: 501 },
      { send: 'MFF UNIX.mode=u+x; file', code: 501 },
      { send: 'MFF modify=20200229123456;modify=20200229123456; file', code: 501 },
      { send: 'MFF modify=20200229123456 file', code: 501 },
      { send: 'MFF modify=20200229123456;', code: 501 },
      { send: 'MFF file', code: 501 },
      { send: 'MFF modify=20200229123456; missing', code: 550 },
    ],
  },
}

const digests = {
  sha256: '84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882',
  sha1: '87acec17cd9dcd20a716cc2cf67417b71c8a7016',
  md5: '781e5e245d69b566979b86e28d23f2c7',
  crc32: 'a684c7c6',
} as const
const sha512 =
  'bb96c2fc40d2d54617d6f276febe571f623a8dadf0b734855299b0e107fda32c' +
  'f6b69f2da32b36445d73690b93cbd0f7bfc20e0f7f28553d2a4428f23b716e90'

const integrity: Readonly<Record<string, Row>> = {
  HASH: {
    rfc: 'draft-bryan-ftpext-hash',
    stranger: { send: 'HASH file', code: 530 },
    cases: [
      { send: 'HASH file', code: 213, text: `SHA-256 0-9 ${digests.sha256} file` },
      { send: 'HASH /dir/../file', code: 213, text: `SHA-256 0-9 ${digests.sha256} /dir/../file` },
      { send: 'HASH file', after: ['OPTS HASH SHA-512'], code: 213, text: `SHA-512 0-9 ${sha512} file` },
      { send: 'HASH file', after: ['OPTS HASH sha-1'], code: 213, text: `SHA-1 0-9 ${digests.sha1} file` },
      { send: 'HASH file', after: ['OPTS HASH MD5'], code: 213, text: `MD5 0-9 ${digests.md5} file` },
      { send: 'HASH file', after: ['OPTS HASH CRC32'], code: 213, text: `CRC32 0-9 ${digests.crc32} file` },
      {
        send: 'HASH file',
        after: ['TYPE I', 'RANG 2 4'],
        code: 213,
        text: 'SHA-256 2-4 114bd151f8fb0c58642d2170da4ae7d7c57977260ac2cc8905306cab6b2acabc file',
      },
      {
        send: 'HASH file',
        after: ['TYPE I', 'RANG 2 4', 'NOOP'],
        code: 213,
        text: `SHA-256 0-9 ${digests.sha256} file`,
      },
      { send: 'HASH file', after: ['TYPE I', 'RANG 0 99'], code: 213, text: `SHA-256 0-9 ${digests.sha256} file` },
      {
        send: 'HASH file',
        after: ['TYPE I', 'REST 10'],
        code: 213,
        text: 'SHA-256 10-10 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 file',
      },
      { send: 'HASH file', after: ['TYPE I', 'RANG 11 20'], code: 554 },
      { send: 'HASH missing', code: 550 },
      { send: 'HASH dir', code: 553 },
    ],
  },
  RANG: {
    rfc: 'draft-bryan-ftp-range',
    stranger: { send: 'RANG 0 1', code: 530 },
    cases: [
      { send: 'RANG 0 0', after: ['TYPE I'], code: 350 },
      { send: 'RANG 1 0', code: 350 },
      { send: 'RANG 2 1', after: ['TYPE I'], code: 501 },
      { send: 'RANG 0 1', after: ['TYPE A'], code: 501 },
      { send: 'RANG 0', after: ['TYPE I'], code: 501 },
      { send: 'RANG -1 1', after: ['TYPE I'], code: 501 },
      { send: 'RANG 0 9007199254740991', after: ['TYPE I'], code: 501 },
    ],
  },
  MD5: {
    rfc: 'draft-twine-ftpmd5',
    stranger: { send: 'MD5 file', code: 530 },
    cases: [
      { send: 'MD5 file', code: 251, text: `file ${digests.md5.toUpperCase()}` },
      { send: 'MD5 "file"', code: 251, text: `"file" ${digests.md5.toUpperCase()}` },
      { send: 'MD5 missing', code: 550 },
      { send: 'MD5 dir', code: 550 },
    ],
  },
  XCRC: xRow('XCRC', digests.crc32, 'b1b451d7', 'dda47024'),
  XMD5: xRow('XMD5', digests.md5, 'adcaec3805aa912c0d0b14a81bedb6ff', '4100c4d44da9177247e44a5fc1546778'),
  ...Object.fromEntries(
    ['XSHA', 'XSHA1'].map(verb => [
      verb,
      xRow(verb, digests.sha1, 'c24d0a1968e339c3786751ab16411c2c24ce8a2e', '11904a4e8b77f6242e2d288705023adad00a9310'),
    ]),
  ),
  XSHA256: xRow(
    'XSHA256',
    digests.sha256,
    '9b56ca8566a48b98a8c29a7fd307038ed555123439a937eb85d9c45166881e6e',
    'c565fe03ca9b6242e01dfddefe9bba3d98b270e19cd02fd85ceaf75e2b25bf12',
  ),
  XSHA512: {
    rfc: 'No RFC',
    stranger: { send: 'XSHA512 file', code: 530 },
    cases: [{ send: 'XSHA512 file', code: 250, text: sha512.toUpperCase() }],
  },
}

/** The checksum of the whole, of what is from offset 2 up to 7, and of the first five bytes. */
function xRow(verb: string, whole: string, middle: string, beginning: string): Row {
  return {
    rfc: 'No RFC',
    stranger: { send: `${verb} file`, code: 530 },
    cases: [
      { send: `${verb} file`, code: 250, text: whole.toUpperCase() },
      { send: `${verb} "file"`, code: 250, text: whole.toUpperCase() },
      { send: `${verb} "file" 2 7`, code: 250, text: middle.toUpperCase() },
      { send: `${verb} file 2 7`, code: 250, text: middle.toUpperCase() },
      { send: `${verb} file, 2, 7`, code: 250, text: middle.toUpperCase() },
      { send: `${verb} "file" 5`, code: 250, text: beginning.toUpperCase() },
      { send: `${verb} "file" 2 11`, code: 554 },
      { send: `${verb} "file" 11 12`, code: 554 },
      { send: `${verb} "file" 7 2`, code: 501 },
      { send: `${verb} "file" x`, code: 501 },
      { send: `${verb} "file" -1 2`, code: 501 },
      { send: `${verb} missing 2 7`, code: 550 },
      { send: `${verb} dir`, code: 550 },
    ],
  }
}

const peterson = 'draft-peterson-streamlined-ftp-command-extensions'

const trees: Readonly<Record<string, Row>> = {
  DSIZ: {
    rfc: peterson,
    stranger: { send: 'DSIZ dir', code: 530 },
    cases: [
      { send: 'DSIZ', code: 213, text: '15' },
      { send: 'DSIZ dir', code: 213, text: '5' },
      { send: 'DSIZ empty', code: 213, text: '0' },
      { send: 'DSIZ file', code: 550 },
      { send: 'DSIZ missing', code: 550 },
    ],
  },
  AVBL: {
    rfc: peterson,
    stranger: { send: 'AVBL', code: 530 },
    cases: [
      { send: 'AVBL', code: 213 },
      { send: 'AVBL dir', code: 213 },
      { send: 'AVBL file', code: 550 },
      { send: 'AVBL missing', code: 550 },
    ],
  },
  RMDA: {
    rfc: 'No RFC',
    stranger: { send: 'RMDA dir', code: 530 },
    cases: [
      { send: 'RMDA dir', code: 250 },
      { send: 'RMDA empty', code: 250 },
      { send: 'RMDA file', code: 550 },
      { send: 'RMDA missing', code: 550 },
      { send: 'RMDA /', code: 550 },
    ],
  },
  COMB: {
    rfc: 'No RFC',
    stranger: { send: 'COMB "new" "file"', code: 530 },
    cases: [
      { send: 'COMB "new" "file" "dir/inner"', code: 250 },
      { send: 'COMB new file', code: 250 },
      { send: 'COMB "dir/inner" "file"', code: 250 },
      { send: 'COMB file, dir/inner', code: 250 },
      { send: 'COMB "new"', code: 501 },
      { send: 'COMB "new" "file', code: 501 },
      { send: 'COMB "new" "file" "/file"', code: 501 },
      { send: 'COMB "file" "./file"', code: 501 },
      { send: 'COMB "new" "missing"', code: 550 },
      { send: 'COMB "new" "dir"', code: 550 },
      { send: 'COMB "dir" "file"', code: 550 },
    ],
  },
}

const announcements: Readonly<Record<string, Row>> = {
  CSID: {
    rfc: peterson,
    stranger: { send: 'CSID Name=x;', code: 200 },
    cases: [
      { send: 'CSID Name=FTP Voyager; Version=1.0;', code: 200, text: 'Name=ftp-operator;CaseSensitive=1;DirSep=/;' },
      { send: 'CSID Name=x', code: 200 },
      { send: 'CSID x', code: 501 },
    ],
  },
  PRET: {
    rfc: 'No RFC',
    stranger: { send: 'PRET RETR file', code: 530 },
    cases: [
      { send: 'PRET RETR file', code: 200 },
      { send: 'PRET list', code: 200 },
      { send: 'PRET STOR new', code: 200 },
      { send: 'PRET NOOP', code: 501 },
      { send: 'PRET NOSUCH', code: 501 },
      { send: 'RETR file', after: ['TYPE I', 'REST 5', 'PRET RETR file'], gets: '56789', code: 226 },
    ],
  },
}

export const draftRows: Readonly<Record<string, Row>> = { ...facts, ...integrity, ...trees, ...announcements }
