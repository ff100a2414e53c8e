// What GET /blobs says of one blob.

export interface PinRow {
  kind: 'task' | 'job' | 'named';
  owner: string;
}

export interface BlobRow {
  hash: string;
  /** Null while only a part is here. */
  size: number | null;
  complete: boolean;
  pins: PinRow[];
}
