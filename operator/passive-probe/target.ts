/** What is to be tried: where clients find the server, and which ports lead to which replica. */
export type ProbePort = {
  /** That the server listens on. */
  readonly port: number
  /** That clients are told. */
  readonly outside: number
  readonly replica: number
  readonly podAddress: string | undefined
}

/** Where pods are tried past the Service; undefined unless they relay. */
export type RelayTarget = {
  /** Of the listener that is tried. */
  readonly controlPort: number
  /** At which pods hand connections over to each other. */
  readonly handoverPort: number
  readonly metricsPort: number
}

export type ProbeTarget = {
  /** Where clients find the server; the second one is tried where the first, which a person has written, does not answer. */
  readonly addresses: readonly string[]
  /** Of the listener, as clients reach it. */
  readonly port: number
  readonly tls: 'none' | 'explicit' | 'implicit'
  readonly fingerprint: string | undefined
  /** What PASV may tell; none where that is the address that clients have come to, or a name. */
  readonly told: readonly string[]
  readonly ports: readonly ProbePort[]
  readonly clusterAddress: string | undefined
  /** What is between clients and pods. */
  readonly way: Way
  readonly relay: RelayTarget | undefined
  /** Ports that the Service has; undefined without one. */
  readonly servicePorts: readonly number[] | undefined
  /** Whether a data connection without the TLS session of its control connection is a fault. */
  readonly resumption: 'expected' | 'optional'
  /** Of all that matters to clients: where it is another one, it is to be tried again. */
  readonly digest: string
}

/** `node`: pods are in the network of their node. */
export type Way = 'load-balancer' | 'node-ports' | 'node' | 'cluster'
