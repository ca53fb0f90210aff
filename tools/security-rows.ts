/** The classes of attacks and failures that FTP servers have had, what stands against each here, and the tests that show it. */

export type SecurityRow = {
  readonly attack: string
  readonly defence: string
  /** Files of tests, and the titles by which to find the tests in them. */
  readonly proofs: readonly { readonly file: string; readonly title: string }[]
}

function proof(file: string, title: string): SecurityRow['proofs'][number] {
  return { file, title }
}

const protocols: readonly SecurityRow[] = [
  {
    attack:
      'STARTTLS injection: commands sent in clear text ahead of the handshake are carried out under TLS (CVE-2011-1575)',
    defence:
      'Anything behind AUTH, be it a byte of Telnet or a line too long to keep, ends the connection with 503. The handshake begins a new session: login, directory, type, REST, RNFR, options and data connection are gone. The host that HOST has named stays, as RFC 7151 has it: the certificate is of that host, and a name in the handshake that is another one’s ends it.',
    proofs: [
      proof('test/security/protocol-mixing.test.ts', 'in the same segment ends the connection with 503: %s'),
      proof('test/security/protocol-mixing.test.ts', 'byte by byte is never answered after 234: %s'),
      proof(
        'test/security/protocol-mixing.test.ts',
        'is not heard under TLS: nothing that came before the handshake was kept',
      ),
      proof(
        'test/server/control-tls.test.ts',
        'resets the session: login, directory, type, data connection, REST, EPSV ALL, options',
      ),
      proof(
        'test/server/control-host.test.ts',
        'is refused where HOST and SNI name different hosts, with the alert unrecognized_name',
      ),
    ],
  },
  {
    attack: 'Replies that cross from one protection to another at CCC and REIN',
    defence:
      'Commands are answered in order, each on the connection that carried it; what follows CCC or REIN before TLS has ended closes the connection.',
    proofs: [
      proof(
        'test/security/data-connections.test.ts',
        'replies to what was said under TLS are given under TLS: REIN right behind a transfer waits for its 226',
      ),
      proof('test/server/control-tls.test.ts', 'closes the connection where anything was sent behind it'),
      proof('test/server/tls-unwrap.test.ts', 'drops what was sent under TLS before the client ended it'),
    ],
  },
  {
    attack:
      'ALPACA: a browser or mail client is led to an FTP server, which reflects or stores what it sends (CVE-2021-3618)',
    defence:
      'A client whose ALPN list has no name of FTP gets no_application_protocol. `tls.strictServerName` refuses host names that the certificate does not cover. A verb, header or first byte of HTTP, SMTP or TLS ends the connection with one line; ten errors of any kind before login do as well (`limits.maxErrorsBeforeLogin`), and count for a ban. No reply before login holds anything of what was sent, and after login only what a standard wants quoted: paths, to who may see them.',
    proofs: [
      proof('test/security/protocol-mixing.test.ts', 'is refused with no_application_protocol to who means %j'),
      proof('test/security/protocol-mixing.test.ts', 'of a data connection is refused to who means another protocol'),
      proof(
        'test/security/protocol-mixing.test.ts',
        'refuses host names that the certificate does not cover with unrecognized_name, where that is asked for',
      ),
      proof('test/security/protocol-mixing.test.ts', 'on a control connection gets one line and its end: %s'),
      proof(
        'test/server/control-limits.test.ts',
        'end a session that errs too often before it logs in, whatever the errors are',
      ),
      proof(
        'test/server/control-limits.test.ts',
        'count errors before login over AUTH and REIN, without refused passwords, and anew after a login',
      ),
      proof('test/security/protocol-mixing.test.ts', 'before login hold nothing of what was sent'),
      proof('test/security/protocol-mixing.test.ts', 'after login hold it only where a standard has the path quoted'),
    ],
  },
]

const paths: readonly SecurityRow[] = [
  {
    attack:
      'Path traversal, and paths that are checked in one spelling and opened in another (CVE-2020-26299, CVE-2026-30914)',
    defence:
      'One resolver makes an absolute path of names out of any argument, before anything else looks at it; `..` ends at the root. Permissions are checked on that path by the storage that opens it.',
    proofs: [
      proof('test/security/evil-paths.test.ts', 'tell nothing of what lies outside and leave it as it is: %s'),
      proof('test/security/evil-paths.test.ts', 'obey the policy on the very path that is meant: %s'),
      proof(
        'test/server/name-filters.test.ts',
        'are as if they were not there, and can’t be made, for every command that takes a path',
      ),
      proof('test/server/folders.test.ts', 'that are read-only stay as they are under every command that takes a path'),
    ],
  },
  {
    attack: 'Symbolic links that lead outside, also when they are swapped in between check and use (CVE-2017-7418)',
    defence:
      'Directories are held by descriptor and names are opened in them without following links; links are followed by hand, and only where `storage.symlinks` lets them lead.',
    proofs: [
      proof('test/security/flips.test.ts', 'lead no command outside: thousands of swaps while every command runs'),
      proof('test/soak/flips.test.ts', '100,000 swaps of directories and links lead no command outside'),
      proof('test/security/symlink-policy.test.ts', 'by default lead to what is inside of the home, and nowhere else'),
      proof(
        'test/security/symlink-policy.test.ts',
        'lead nowhere where they are denied, not even inside, and can still be removed',
      ),
      proof('test/server/folders.test.ts', 'let no link lead out of them, nor around the permissions of their path'),
      proof('test/server/control-messages.test.ts', 'never comes from outside of the home'),
      proof(
        'test/security/symlink-policy.test.ts',
        'lead into extra roots however they are written, and on from there only to what is allowed',
      ),
    ],
  },
  {
    attack: 'User names that become paths (CVE-2026-30915)',
    defence:
      'A name is 1 to 64 letters, digits and `. _ @ + -`, and begins with none of the marks but `_`. Homes have no placeholders; they are opened below the root as any path is.',
    proofs: [
      proof(
        'test/security/names.test.ts',
        'of users that could lead elsewhere are taken neither by a list nor at login, and make no directory',
      ),
      proof(
        'test/server/storage-local.test.ts',
        'may be reached through a link inside the root, and not through one that leads outside',
      ),
    ],
  },
]

const dataConnections: readonly SecurityRow[] = [
  {
    attack: 'FTP bounce and SSRF: PORT names a third party (RFC 2577)',
    defence:
      'PORT and EPRT take the address of the control connection and ports from 1024 only. Where other addresses are allowed, none is the server’s own, its link, cloud metadata or a group.',
    proofs: [
      proof(
        'test/security/data-connections.test.ts',
        'are refused for another address or a port of a service, and open nothing: %s',
      ),
      proof(
        'test/security/data-connections.test.ts',
        'where other addresses are allowed never name the server, its link, cloud metadata or a group: %s',
      ),
    ],
  },
  {
    attack: 'Stealing of passive connections, or using up their ports (CVE-1999-0351, CVE-2015-10003)',
    defence:
      'Ports are random and serve a session for one transfer; connections that no session waits for are reset. Only the client’s address is taken; a stranger is dropped and the session goes on waiting for its client. Sessions wait on the same port only where an address or a TLS session tells their clients apart. Over TLS a data connection resumes the session of its control connection, or has its certificate; whoever else comes first, with the client’s address, and is silent or fails, is passed over. The TLS session of a connection that is refused for not resuming one is itself nothing to resume.',
    proofs: [
      proof('test/server/control-data-setup.test.ts', 'of others are dropped, and the port still serves its client'),
      proof('test/server/data-channel.test.ts', 'must be resumed from then on once it was, by default'),
      proof(
        'test/server/data-channel.test.ts',
        'gives whoever does not resume nothing to resume by, where that is demanded',
      ),
      proof('test/security/data-claimants.test.ts', 'costs an upload and a download nothing: it %s'),
      proof(
        'test/security/data-claimants.test.ts',
        'connections from other addresses, and one that is reset before it is accepted, cost nothing',
      ),
      proof(
        'test/security/data-claimants.test.ts',
        'is that of its control connection on data connections as well, whoever else has a valid one',
      ),
      proof(
        'test/server/shared-passive-ports.test.ts',
        'nobody with the same address as one that was given up, while its client may be on its way',
      ),
      proof(
        'test/server/shared-passive-ports.test.ts',
        'each its own client though strangers come first and say nothing, speak no TLS or resume nothing',
      ),
      proof('test/server/control-data-setup.test.ts', 'are at random ports'),
      proof('test/faults/hostile-connections.test.ts', 'PASV without use holds one port a session'),
    ],
  },
]

const load: readonly SecurityRow[] = [
  {
    attack: 'Floods of lines, or of one line without end, that fill the memory',
    defence:
      'A line has 4096 bytes; what is longer is dropped to its end and is one error. 32 requests are read ahead, then the socket is not read. Other connections get their turn after 16 requests.',
    proofs: [
      proof(
        'test/faults/hostile-input.test.ts',
        'from 50 clients, half of which never read, keep nobody from being served and memory bounded',
      ),
      proof('test/faults/hostile-input.test.ts', 'may be a line of 10 MB, which is one bad line and not kept'),
      proof(
        'test/server/control-telnet.test.ts',
        'that are too long do not run what looks like a command behind the limit',
      ),
    ],
  },
  {
    attack: 'Slow clients, clients that never read, and volumes that hang',
    defence:
      'Handshake, login, idling, stalled transfers, unused ports and unread replies each have a deadline; connections are counted by address. What waits for a disk enters by volume, so that others always find a thread, and passwords too; a volume that answers nothing refuses at once what is new, and is tried by one call at a time.',
    proofs: [
      proof('test/faults/hostile-connections.test.ts', 'and %s has the login timeout'),
      proof('test/faults/hostile-connections.test.ts', 'the handshake after %s is cut off without words'),
      proof('test/server/control-limits.test.ts', 'end a session whose client sends and never reads'),
      proof(
        'test/faults/limits.test.ts',
        'a download that nobody reads is ended with 426 and RST, so that nobody takes it for whole',
      ),
      proof('test/faults/frozen-volume.test.ts', 'whoever needs it is told so in time, and others go on as before'),
      proof(
        'server/storage/local/volumes/volume-gates.test.ts',
        'volumes that hang leave some to others, one after the other',
      ),
      proof(
        'server/storage/local/volumes/volume-gates.test.ts',
        'is stalled after a quarter of the patience, once, and refuses commands at once',
      ),
    ],
  },
  {
    attack: 'Finding out which users exist',
    defence:
      'USER is answered alike for all. A refusal has one text, costs one hash of the kind most users have, and comes at one time after PASS, whatever the check has cost: also for users with one-time codes, certificates, hosts or hours.',
    proofs: [
      proof('test/server/control-login.test.ts', 'is told by the same 530, whatever the reason'),
      proof('server/auth/authenticator.test.ts', 'for %s is one hash as most users have it'),
      proof(
        'test/soak/equal-time.test.ts',
        'with %s, known and unknown users are refused after the same time, within one in fifty',
      ),
      proof(
        'test/soak/equal-time.test.ts',
        'with a delay, neither the kind of a hash nor the reason of a refusal shows in the time, within one in fifty',
      ),
    ],
  },
  {
    attack: 'Denial of service by password hashes',
    defence:
      'Hashes are computed off the event loop, few at once and in a bounded queue, with a deadline; a password has at most 1024 bytes.',
    proofs: [
      proof(
        'server/auth/authenticator.test.ts',
        'Without room for another check, known and unknown users get the same answer',
      ),
      proof(
        'server/auth/password.test.ts',
        'A check that does not end before its deadline is given up, and the next one is done',
      ),
      proof(
        'server/auth/password.test.ts',
        'A password of more than 1024 bytes mismatches, even if the hash is its own',
      ),
    ],
  },
  {
    attack: 'Patterns that take for ever or fill the memory (CVE-2011-0418)',
    defence:
      'A matcher of our own, without backtracking beyond the last star; 256 characters, 8 levels, 10,000 results and directories at most.',
    proofs: [
      proof('server/storage/glob.test.ts', 'that are made to be slow end at once'),
      proof('server/listing/list.test.ts', 'refuses patterns of more than eight levels'),
    ],
  },
  {
    attack: 'Recursive listings, in loops of links as well',
    defence:
      '`-R` shows links and follows none; it ends after 32 levels, 10,000 directories, 100,000 entries or half a minute. RMDA and SITE RMDIR remove links and nothing that they lead to, DSIZ counts a directory once; ABOR and the end of the connection end them. At most forty links are followed on one path.',
    proofs: [
      proof(
        'server/listing/tree.test.ts',
        'has a heading for each directory, relative to the first, and follows no link',
      ),
      proof('server/listing/tree.test.ts', 'ends where there is more than its %s allow'),
      proof(
        'test/server/control-trees.test.ts',
        'removes all that is in a directory, links too, and nothing that they lead to',
      ),
      proof('test/server/control-trees.test.ts', 'DSIZ counts each file once, though links lead in circles'),
      proof('test/server/control-trees.test.ts', 'RMDA ends with ABOR, and its session with the connection'),
      proof('test/server/storage-local.test.ts', 'are followed forty times and no more'),
    ],
  },
]

const texts: readonly SecurityRow[] = [
  {
    attack: 'File names with line ends that forge entries of a listing or replies',
    defence: 'CR, LF and NUL of a name never reach a listing, a fact or a reply as they are.',
    proofs: [
      proof('test/server/control-names.test.ts', 'is sent as CR NUL, and breaks neither listings nor replies'),
      proof('server/listing/long.test.ts', 'stays one line, whatever the name'),
      proof('server/listing/facts.test.ts', 'cannot end the line early'),
    ],
  },
  {
    attack: 'Forged or flooded logs, and secrets in them',
    defence:
      'A log line is JSON, whatever the names in it, which are cut; passwords are in none. Messages about wrong files never quote them, be it in logs, `/status`, events, conditions or what `render` prints; nor is the address of a sink told.',
    proofs: [
      proof(
        'test/security/names.test.ts',
        'of users are one line of JSON in the log, whatever they hold and however long they are',
      ),
      proof('test/server/control-login.test.ts', 'never show a password in the log'),
      proof('test/faults/secrets.test.ts', 'a right one, wrong ones, and those in the wrong place are nowhere'),
      proof('test/faults/secrets.test.ts', '%s is told without the secret'),
      proof(
        'test/security/outgoing.test.ts',
        'tells nobody the address of a sink, which may hold a secret, nor what its requests are signed with',
      ),
      proof(
        'test/operator/secrets.test.ts',
        'tells nothing of what Secrets hold, be they right, wrong, broken, changed or gone',
      ),
      proof('test/operator/secrets.test.ts', 'prints secrets as Secrets only, and none in what it says'),
      proof(
        'server/telemetry/recorder.test.ts',
        'a flood of refused connections is counted whole and logged once a second',
      ),
    ],
  },
  {
    attack: 'Names that look the same: case, composed and decomposed letters, overlong UTF-8',
    defence: 'Names are bytes. What is checked against the policy is what is opened, byte for byte; nothing is folded.',
    proofs: [
      proof('test/security/names.test.ts', 'of files that look like what is forbidden never mean it'),
      proof('server/storage/name.test.ts', 'gives back exactly the bytes it was given, whatever they are'),
    ],
  },
]

const transfers: readonly SecurityRow[] = [
  {
    attack: 'Truncation of an upload: half of it is taken for the file, by the client or by who reads the directory',
    defence:
      'An end without close_notify is told from one with it and marked in the log; `tls.truncatedUploads: reject` answers it with 426. An end within a record is an error in any case. What is not whole gets no 226, a line in the log and a count. With `uploads.mode: atomic` a file gets its name when it is whole, and what broke off is never mixed with another file; `uploads.durability: fsync` waits for the disk ([decision 16](../decisions/0016-atomic-uploads.md)).',
    proofs: [
      proof('test/server/data-transfer.test.ts', 'knows close_notify from Python’s unwrap'),
      proof(
        'test/faults/atomic-uploads.test.ts',
        'never shows anything but a whole file to who watches the volume, while 40 uploads replace and append to it',
      ),
      proof(
        'test/faults/atomic-uploads.test.ts',
        'is never mixed with the file it was to replace: an offset beyond its end is refused',
      ),
      proof('test/faults/upload-truth.test.ts', 'by $name is told as what it is'),
      proof('test/faults/upload-truth.test.ts', 'on a full disk is told as that, and what fitted is kept, in %s'),
      proof(
        'test/faults/durable-uploads.test.ts',
        'is answered with 226 once the file and its directory are on the disk, and not before',
      ),
      proof(
        'test/faults/kills.test.ts',
        '100 %s uploads go on after SIGKILL, with APPE and REST, and every file is whole',
      ),
    ],
  },
  {
    attack: 'Uploads over TLS 1.3 that lose their end to a reset',
    defence: 'What TLS has to say is held back until the client is done ([decision 3](../decisions/0003-tls-shim.md)).',
    proofs: [
      proof('test/server/data-transfer.test.ts', 'arrives whole from clients that write and close without reading'),
    ],
  },
  {
    attack: 'Bombs for decompression, and hashing of large files on demand',
    defence:
      'An upload in MODE Z is inflated piece by piece, in other threads, and refused (552) where it becomes more than `transfers.deflate.maxRatio` times what came, beyond 16 MiB; MODE C makes 63 of a byte at most; quotas hold by what is stored, and `maxTransfers` are in this mode at once, while others wait. Checksums need the permission to download; four are computed at once over all processes, in pieces between which everybody else has a turn, and the others wait in line, for half a minute at most. ABOR and the end of the connection end them.',
    proofs: [
      proof(
        'test/server/control-encodings.test.ts',
        'answers an upload that %s in clear words, and marks it incomplete',
      ),
      proof('test/server/control-encodings.test.ts', 'holds to a quota by what is stored'),
      proof('server/data/encoding/deflate.test.ts', 'refuses what becomes too much, long before it is all there'),
      proof('test/server/control-encodings.test.ts', 'refuses what is no block, at once'),
      proof(
        'test/server/control-checksums.test.ts',
        'four are computed at once, one more waits until another ends, and others are served meanwhile',
      ),
      proof(
        'server/checksums/turns.test.ts',
        'Whoever waits too long, or when too many wait, gets busy, and holds up nobody',
      ),
    ],
  },
  {
    attack: 'Two uploads that together exceed a quota',
    defence:
      'Whatever grows takes its bytes and its place among the files before it is written, from one ledger for all processes; a write that does not fit ends the upload with 552, to the byte. Deleting, replacing and renaming give back ([decision 18](../decisions/0018-quotas.md)). One file is written by one upload at a time.',
    proofs: [
      proof(
        'test/faults/quotas.test.ts',
        'is filled to the last byte by 20 uploads at once, and never exceeded, with workers: %i',
      ),
      proof('test/faults/quotas.test.ts', 'is never exceeded by uploads at once'),
      proof('test/faults/quotas.test.ts', 'holds for what is moved there, and is given back by what is moved away'),
    ],
  },
  {
    attack: 'Forged PROXY headers',
    defence:
      'They are read from `proxyProtocol.trustedNetworks` only, which are empty by default; a connection from there must begin with one, in time, of bounded length and with a checksum that holds, if any. The address in it counts for everything, on data connections as well. What another server hands over (`relay`, off by default) comes to a port of its own, and its header is signed by a secret they share, believed once and for a minute; others are reset, and 256 are waited for at once.',
    proofs: [
      proof(
        'test/security/proxy-protocol.test.ts',
        'is believed from nowhere else: there it is a command like any other, and its address nobody’s',
      ),
      proof(
        'test/security/proxy-protocol.test.ts',
        'is demanded of a trusted proxy: %s in its place ends the connection, without a word',
      ),
      proof('test/security/proxy-protocol.test.ts', 'decides which limits, bans and networks of users hold'),
      proof('test/security/relay.test.ts', 'who comes %s is refused'),
      proof('test/security/relay.test.ts', 'a header is believed once'),
      proof('test/security/relay.test.ts', 'a signed header is for the address it names, and no other'),
      proof('server/relay/signed-header.test.ts', 'is believed no more if any of its bits is another one'),
      proof(
        'test/security/proxy-protocol.test.ts',
        'are those of the client by their headers; all others are strays and cost it nothing',
      ),
      proof(
        'test/security/proxy-protocol.test.ts',
        'take no header from others: who comes directly is the client only by its own address',
      ),
      proof(
        'server/proxy-protocol/header.test.ts',
        'any header is read as it was written, whatever comes behind it, and never before it is whole',
      ),
    ],
  },
]

const state: readonly SecurityRow[] = [
  {
    attack: 'Data ports that are those of the control connection or of the administration',
    defence: 'A configuration whose passive ports hold a port of a listener or of the probes is refused.',
    proofs: [proof('server/config/rules.test.ts', 'every rule is broken by a sample')],
  },
  {
    attack: 'Numbers that overflow or have signs: REST, ALLO, PORT, times',
    defence: 'Digits only, and no more than 2^53 − 1.',
    proofs: [
      proof('test/fuzz/properties.test.ts', 'keeps its promises for what is nearly right: %s'),
      proof('test/fuzz/properties.test.ts', 'keeps its promises for the corpus: %s'),
    ],
  },
  {
    attack: 'State between RNFR and RNTO, and renaming to where it is not allowed',
    defence: 'RNFR holds for the very next command. Both ends are checked, what lies below a directory as well.',
    proofs: [
      proof('test/security/policy.test.ts', 'refuses exactly what the policy refuses, and then changes nothing'),
      proof(
        'test/security/protocol-mixing.test.ts',
        'is not heard under TLS: nothing that came before the handshake was kept',
      ),
    ],
  },
  {
    attack: 'Commands that forget the policy: SITE, MFMT and other latecomers',
    defence:
      'Commands reach files through one storage only, which enforces the policy; a command can forget nothing ([decision 1](../decisions/0001-permissions-in-the-storage.md)).',
    proofs: [
      proof('test/security/policy.test.ts', 'refuses exactly what the policy refuses, and then changes nothing'),
      proof('test/security/policy.test.ts', 'holds for every command with a path'),
    ],
  },
  {
    attack: 'Leaks of descriptors, ports and memory by aborted transfers',
    defence: 'Everything that is opened has an owner that closes it, however the transfer or the session ends.',
    proofs: [
      proof(
        'test/server/data-channel.test.ts',
        'leaves no port, socket or descriptor behind with sharing %s after %i aborted transfers',
      ),
      proof('test/faults/hostile-connections.test.ts', 'ABOR of a transfer gives 426 and 226 each time: %s'),
      proof(
        'test/faults/hostile-connections.test.ts',
        'with RST during a transfer over and over leaves nothing behind',
      ),
      proof(
        'test/soak/mixed.test.ts',
        '${clientCount} mixed clients and constant changes of the configuration for ${minutes} minutes leave nothing behind',
      ),
    ],
  },
]

/** What the classes of the past don't have: what came with features that no server had then. */
const beyond: readonly SecurityRow[] = [
  {
    attack: 'Floods of what TLS answers by itself: updates of keys and renegotiations, by a client that reads nothing',
    defence:
      'Renegotiation is refused. One call reads one record, and others have their turn before a client is read from again. What TLS has answered by itself and the kernel does not take may be 64 KiB; whoever makes it answer more is disconnected.',
    proofs: [
      proof('test/faults/unasked-records.test.ts', 'are ended on a control connection'),
      proof('test/faults/unasked-records.test.ts', 'are ended on a data connection, and only that, with their upload'),
      proof(
        'test/server/tls-connection.test.ts',
        'answers one record a call of what a client sends besides data, however many have come',
      ),
    ],
  },
  {
    attack: 'One-time codes that are tried out or heard and used again',
    defence:
      'A code is taken once, in all processes of a server. Only who has the password gets to try one, and ten wrong ones of a user in ten minutes are all that are looked at, over all connections (RFC 4226 section 7.3); each is a failed login. A code that comes by itself, by ACCT, is for the user who was proved, as that user is now.',
    proofs: [
      proof(
        'test/server/control-totp.test.ts',
        'is taken once, in all of %i process(es), and not taken away by a wrong password',
      ),
      proof(
        'test/server/control-totp.test.ts',
        'is not found by trying: after ten wrong ones no other is looked at, with %i process(es)',
      ),
      proof(
        'server/auth/used-codes.test.ts',
        'After so many wrong codes none is looked at, until the first of them is long ago',
      ),
      proof(
        'test/server/control-totp.test.ts',
        'goes with the user who was proved: whose password has changed meanwhile has to begin anew',
      ),
    ],
  },
  {
    attack:
      'SSRF by what connects to others without a client: sinks of events, and the operator’s look at passive ports',
    defence:
      'A sink is where the configuration says; redirects are not followed, answers not read. The operator goes to the address of the server and to its own passive ports there; what answers in place of a server, and tells another address or port, is not followed. Loopback, link, metadata and groups are tried by nobody, also not where a name stands for them. Its password is of one server, is known to the operator alone, and shows and changes no file.',
    proofs: [
      proof('test/security/outgoing.test.ts', 'is not sent elsewhere by any answer'),
      proof('test/security/outgoing.test.ts', 'takes no answer without end, and goes on'),
      proof(
        'test/operator/passive-probe.test.ts',
        'does not have the operator connect elsewhere by PASV: neither to another address nor to another port',
      ),
      proof('test/operator/passive-probe.test.ts', 'is not looked for where the operator itself is: %s'),
      proof('operator/passive-probe/off-limits.test.ts', '%s is nowhere to look for clients'),
      proof('test/operator/passive-probe.test.ts', 'the probe’s user sees and keeps no file, whoever has its password'),
    ],
  },
  {
    attack: 'Pods and users of the cluster where they do not belong',
    defence:
      'A NetworkPolicy leaves listeners and passive ports to clients, the relay to the server’s own pods, the probes to the operator and Prometheus. A server takes FtpUsers of its own namespace only, unless `allowedUsers` says otherwise; of two with a name the older has it, after those of the server.',
    proofs: [
      proof(
        'test/cluster/network-policy.test.ts',
        'each port of a pod is open for those who need it, and for nobody else',
      ),
      proof('test/operator/confinement.test.ts', 'lets only those it names in, to every port of every replica'),
      proof('test/operator/confinement.test.ts', 'lets the operator and Prometheus to the probes, and no client'),
      proof('operator/users/binding.test.ts', 'one that is not let in, or about to go, keeps the name from nobody'),
      proof('operator/users/binding.test.ts', 'the older resource wins, in whatever order they come'),
    ],
  },
]

export const securityRows: readonly SecurityRow[] = [
  ...protocols,
  ...paths,
  ...dataConnections,
  ...load,
  ...texts,
  ...transfers,
  ...state,
  ...beyond,
]
