// Says a number of bytes as people read it.

/** "1.4 GB", "350 MB"; powers of ten, as disks and downloads are labelled. */
export function show(bytes: number): string {
  const megabytes = Math.max(0, bytes) / 1e6;
  return megabytes >= 1000 ? `${(megabytes / 1000).toFixed(1)} GB` : `${Math.max(megabytes > 0 ? 1 : 0, Math.round(megabytes))} MB`;
}
