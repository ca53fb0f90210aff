/** The table of commands, in the order of the RFCs. */
import type { Command } from '../control/command.ts'
import { abor } from './abor.ts'
import { acct } from './acct.ts'
import { adat } from './adat.ts'
import { allo } from './allo.ts'
import { appe } from './appe.ts'
import { auth } from './auth.ts'
import { avbl } from './avbl.ts'
import { ccc } from './ccc.ts'
import { cdup } from './cdup.ts'
import { clnt } from './clnt.ts'
import { comb } from './comb.ts'
import { csid } from './csid.ts'
import { cwd } from './cwd.ts'
import { dele } from './dele.ts'
import { dsiz } from './dsiz.ts'
import { eprt } from './eprt.ts'
import { epsv } from './epsv.ts'
import { feat } from './feat.ts'
import { hash } from './hash.ts'
import { help } from './help.ts'
import { host } from './host.ts'
import { lang } from './lang.ts'
import { list } from './list.ts'
import { lprt } from './lprt.ts'
import { md5 } from './md5.ts'
import { mdtm } from './mdtm.ts'
import { mfct } from './mfct.ts'
import { mff } from './mff.ts'
import { mfmt } from './mfmt.ts'
import { mic } from './mic.ts'
import { mkd } from './mkd.ts'
import { mlsd } from './mlsd.ts'
import { mlst } from './mlst.ts'
import { mode } from './mode.ts'
import { nlst } from './nlst.ts'
import { noop } from './noop.ts'
import { opts } from './opts.ts'
import { pass } from './pass.ts'
import { pasv } from './pasv.ts'
import { pbsz } from './pbsz.ts'
import { port } from './port.ts'
import { pret } from './pret.ts'
import { prot } from './prot.ts'
import { pwd } from './pwd.ts'
import { quit } from './quit.ts'
import { rang } from './rang.ts'
import { rein } from './rein.ts'
import { rest } from './rest.ts'
import { retr } from './retr.ts'
import { rmd } from './rmd.ts'
import { rmda } from './rmda.ts'
import { rnfr } from './rnfr.ts'
import { rnto } from './rnto.ts'
import { site } from './site.ts'
import { size } from './size.ts'
import { smnt } from './smnt.ts'
import { stat } from './stat.ts'
import { stor } from './stor.ts'
import { stou } from './stou.ts'
import { stru } from './stru.ts'
import { syst } from './syst.ts'
import { type } from './type.ts'
import { user } from './user.ts'
import { xChecksums } from './x-checksums.ts'

const rfc959 = [
  ...[user, pass, acct, cwd, cdup, smnt, rein, quit],
  ...[port, pasv, type, stru, mode],
  ...[
    retr,
    stor,
    stou,
    appe,
    allo,
    rest,
    rnfr,
    rnto,
    abor,
    dele,
    rmd,
    mkd,
    pwd,
    list,
    nlst,
    site,
    syst,
    stat,
    help,
    noop,
  ],
]
const rfc1639 = [lprt]
const rfc2228And4217 = [auth, adat, pbsz, prot, ccc, mic]
const rfc2389 = [feat, opts]
const rfc2428 = [eprt, epsv]
const rfc2640 = [lang]
const rfc3659 = [mdtm, size, mlst, mlsd]
const rfc7151 = [host]
const mfxx = [mfmt, mfct, mff]
const integrity = [hash, rang, md5, ...xChecksums]
const peterson = [dsiz, avbl, csid]
const unofficial = [comb, rmda, clnt, pret]

export const commands: readonly Command[] = [
  ...rfc959,
  ...rfc1639,
  ...rfc2228And4217,
  ...rfc2389,
  ...rfc2428,
  ...rfc2640,
  ...rfc3659,
  ...rfc7151,
  ...mfxx,
  ...integrity,
  ...peterson,
  ...unofficial,
]
