/**
 * Views of the two buffers seen last: a batch's and its decoder's scratch buffer. Words read through a view
 * make hash and comparison twice as fast as bytes (36 bytes: 75 → 45 ns).
 */
export class Views {
  #bytes = NOTHING;
  #view = viewOf(NOTHING);
  #otherBytes = NOTHING;
  #otherView = this.#view;

  of(bytes: Uint8Array): DataView {
    return bytes === this.#bytes ? this.#view : this.#swap(bytes);
  }

  #swap(bytes: Uint8Array): DataView {
    const view = bytes === this.#otherBytes ? this.#otherView : viewOf(bytes);
    this.#otherBytes = this.#bytes;
    this.#otherView = this.#view;
    this.#bytes = bytes;
    this.#view = view;
    return view;
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
