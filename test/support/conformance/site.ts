/** Expectations for the SITE commands that other servers have brought along. */
import type { Row } from './conformance.ts'

const times = '20200101000000 20200229123456 20200101000000 UTC'

export const customarySiteRows: Readonly<Record<string, Row>> = {
  UTIME: {
    rfc: 'No RFC',
    stranger: { send: 'SITE UTIME 20200229123456 file', code: 530 },
    cases: [
      { send: 'SITE UTIME 20200229123456 file', code: 200 },
      { send: 'MDTM file', after: ['SITE UTIME 202002291234 file'], code: 213, text: '20200229123400' },
      { send: 'MDTM file', after: [`SITE UTIME file ${times}`], code: 213, text: '20200229123456' },
      { send: `site utime file ${times.toLowerCase()}`, code: 200 },
      { send: `SITE UTIME missing ${times}`, code: 550 },
      { send: 'SITE UTIME 20200229123456 missing', code: 550 },
      { send: 'SITE UTIME 20210229123456 file', code: 501 },
      { send: 'SITE UTIME 2020022912 file', code: 501 },
      { send: 'SITE UTIME 20200229123456', code: 501 },
      { send: 'SITE UTIME file 20200101000000 20210229123456 20200101000000 UTC', code: 501 },
    ],
  },
  MKDIR: {
    rfc: 'No RFC',
    stranger: { send: 'SITE MKDIR new', code: 530 },
    cases: [
      { send: 'SITE MKDIR new', code: 200 },
      { send: 'SITE MKDIR a/b/c', code: 200 },
      { send: 'CWD /a/b/c', after: ['SITE MKDIR a/b/c'], code: 250 },
      { send: 'SITE MKDIR dir', code: 200 },
      { send: 'SITE MKDIR dir/new/deeper', code: 200 },
      { send: 'SITE MKDIR file', code: 550 },
      { send: 'SITE MKDIR file/new', code: 550 },
      { send: `SITE MKDIR ${'x'.repeat(256)}`, code: 553 },
    ],
  },
  RMDIR: {
    rfc: 'No RFC',
    stranger: { send: 'SITE RMDIR dir', code: 530 },
    cases: [
      { send: 'SITE RMDIR dir', code: 250 },
      { send: 'SITE RMDIR file', code: 550 },
      { send: 'SITE RMDIR missing', code: 550 },
    ],
  },
  SYMLINK: {
    rfc: 'No RFC',
    stranger: { send: 'SITE SYMLINK file link', code: 530 },
    // `read-write` does not have the permission.
    cases: [{ send: 'SITE SYMLINK file link', code: 550 }],
  },
  CPFR: {
    rfc: 'No RFC',
    stranger: { send: 'SITE CPFR file', code: 530 },
    cases: [
      { send: 'SITE CPFR file', code: 350 },
      { send: 'SITE CPFR dir', code: 350 },
      { send: 'SITE CPFR missing', code: 550 },
    ],
  },
  CPTO: {
    rfc: 'No RFC',
    stranger: { send: 'SITE CPTO new', code: 530 },
    cases: [
      { send: 'SITE CPTO new', after: ['SITE CPFR file'], code: 250 },
      { send: 'RETR my copy', after: ['SITE CPFR file', 'SITE CPTO my copy'], gets: '0123456789', code: 226 },
      { send: 'SITE CPTO dir/inner', after: ['SITE CPFR file'], code: 250 },
      { send: 'SITE CPTO file', after: ['SITE CPFR file'], code: 550 },
      { send: 'SITE CPTO dir', after: ['SITE CPFR file'], code: 550 },
      { send: 'SITE CPTO missing/new', after: ['SITE CPFR file'], code: 550 },
      { send: 'SITE CPTO new', code: 503 },
      { send: 'SITE CPTO new', after: ['SITE CPFR file', 'NOOP'], code: 503 },
      { send: 'SITE CPTO new', after: ['RNFR file'], code: 503 },
      { send: 'RNTO new', after: ['SITE CPFR file'], code: 503 },
    ],
  },
  COPY: {
    rfc: 'No RFC',
    stranger: { send: 'SITE COPY file new', code: 530 },
    cases: [
      { send: 'SITE COPY file new', code: 250 },
      { send: 'RETR my copy', after: ['SITE COPY "file" "my copy"'], gets: '0123456789', code: 226 },
      { send: 'RETR file', after: ['SITE COPY dir/inner file'], gets: 'inner', code: 226 },
      { send: 'SITE COPY file', code: 501 },
      { send: 'SITE COPY file new newer', code: 501 },
      { send: 'SITE COPY file ./file', code: 550 },
      { send: 'SITE COPY missing new', code: 550 },
      { send: 'SITE COPY dir new', code: 250 },
      { send: 'RETR new/inner', after: ['SITE COPY dir new'], gets: 'inner', code: 226 },
      { send: 'SITE COPY dir empty', code: 550 },
      { send: 'SITE COPY dir file', code: 550 },
      { send: 'SITE COPY dir dir/new', code: 553 },
      { send: 'SITE COPY / dir/new', code: 553 },
    ],
  },
  QUOTA: {
    rfc: 'No RFC',
    stranger: { send: 'SITE QUOTA', code: 530 },
    cases: [
      { send: 'SITE QUOTA', code: 200, text: 'There are no quotas.' },
      { send: 'SITE QUOTA dir', code: 200 },
      { send: 'SITE QUOTA missing', code: 550 },
    ],
  },
  UMASK: {
    rfc: 'No RFC',
    stranger: { send: 'SITE UMASK 022', code: 530 },
    cases: [
      { send: 'SITE UMASK', code: 200, text: 'The umask is that of the server.' },
      { send: 'SITE UMASK 027', code: 200, text: 'The umask is 027.' },
      { send: 'SITE UMASK', after: ['SITE UMASK 0002'], code: 200, text: 'The umask is 002.' },
      { send: 'SITE UMASK 888', code: 501 },
      { send: 'SITE UMASK 22', code: 501 },
    ],
  },
  WHO: {
    rfc: 'No RFC',
    stranger: { send: 'SITE WHO', code: 530 },
    // `read-write` does not have the permission.
    cases: [{ send: 'SITE WHO', code: 550 }],
  },
  IDLE: {
    rfc: 'No RFC',
    stranger: { send: 'SITE IDLE', code: 530 },
    cases: [
      { send: 'SITE IDLE', code: 200, text: 'The idle timeout is 300 seconds; at most 300.' },
      { send: 'SITE IDLE 60', code: 200 },
      { send: 'SITE IDLE', after: ['SITE IDLE 60'], code: 200, text: 'The idle timeout is 60 seconds; at most 300.' },
      { send: 'SITE IDLE 300', after: ['SITE IDLE 60'], code: 200 },
      { send: 'SITE IDLE 301', code: 501 },
      { send: 'SITE IDLE 0', code: 501 },
      { send: 'SITE IDLE -1', code: 501 },
      { send: 'SITE IDLE soon', code: 501 },
    ],
  },
}
