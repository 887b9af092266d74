// Where the two sides come from: picture files, video files, and cameras.
// A source is {kind, name, element, frame(), close()}: the element shows it, and frame() is what the engines take.

const LONGEST_SIDE = 16384;
let versions = 0;

const isVideo = (file) => file.type.startsWith("video/") || /\.(mp4|webm|mkv|mov|m4v|avi|ogv)$/i.test(file.name);

export async function openFile(file) {
  return isVideo(file) ? openVideo(file) : openPicture(file);
}

export async function openPicture(file) {
  const image = await decode(file);
  return pictureSource(image, file.name ?? "picture");
}

export function pictureSource(image, name) {
  const { width, height } = image;
  const element = document.createElement("canvas");
  element.width = width;
  element.height = height;
  element.getContext("2d").putImageData(image, 0, 0);
  const frame = { image, width, height, version: ++versions };
  return { kind: "picture", name, element, frame: () => frame, close() {} };
}

// Return the stored 8-bit values: no colour management, no transparency, upright as EXIF says.
async function decode(file) {
  const start = new DataView(await file.slice(0, 26).arrayBuffer());
  const isPng = start.byteLength === 26 && start.getUint32(0) === 0x89504e47;
  const isTiff = start.byteLength > 4 && [0x49492a00, 0x4d4d002a].includes(start.getUint32(0));
  if (isTiff || (isPng && start.getUint8(24) === 16)) {
    const what = isTiff ? "is a TIFF" : "has 16 bits a pixel";
    throw new Error(`${file.name} ${what}, which browsers do not show. The command mmdrfuse fuse takes such files.`);
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error(`${file.name} is no picture or video that this browser can show. Give a PNG, JPEG or WebP.`);
  }
  const { width, height } = bitmap;
  if (Math.min(width, height) < 2) throw new Error(`${file.name} has ${width}×${height} pixels; 2×2 is the least.`);
  if (Math.max(width, height) > LONGEST_SIDE) throw new Error(`${file.name} has ${width}×${height} pixels, too many here.`);
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  let image = context.getImageData(0, 0, width, height);
  if (image.data.some((value, index) => index % 4 === 3 && value < 255)) {
    image = unmixed(bitmap) ?? image;
    for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
  }
  bitmap.close();
  return image;
}

// A 2D canvas loses the colours under transparency; WebGL keeps them.
function unmixed(bitmap) {
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!gl) return null;
  const { width, height } = bitmap;
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  const texture = gl.getParameter(gl.TEXTURE_BINDING_2D);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const image = new ImageData(width, height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(image.data.buffer));
  return image;
}

async function openVideo(file) {
  const address = URL.createObjectURL(file);
  const video = makeVideo();
  video.src = address;
  video.loop = true;
  try {
    await ready(video);
  } catch {
    URL.revokeObjectURL(address);
    throw new Error(`${file.name} is no video that this browser can play. Give an MP4 (H.264) or a WebM.`);
  }
  return videoSource("video", file.name, video, () => URL.revokeObjectURL(address));
}

// Return the cameras that can be chosen; their names are known only after one was allowed.
export async function listCameras() {
  const devices = await navigator.mediaDevices?.enumerateDevices();
  return (devices ?? []).filter(({ kind }) => kind === "videoinput");
}

export async function openCamera(deviceId) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("This browser gives pages that are opened from a file no camera.");
  let stream;
  try {
    const wanted = deviceId ? { deviceId: { exact: deviceId } } : { width: { ideal: 1280 } };
    stream = await navigator.mediaDevices.getUserMedia({ video: wanted });
  } catch (error) {
    throw new Error(CAMERA_TROUBLE[error.name] ?? `The camera cannot be opened (${error.message}).`);
  }
  const video = makeVideo();
  video.srcObject = stream;
  await ready(video);
  await video.play();
  const [track] = stream.getVideoTracks();
  const source = videoSource("camera", track.label || "camera", video, () => track.stop());
  return { ...source, device: track.getSettings().deviceId ?? "" };
}

const CAMERA_TROUBLE = {
  NotFoundError: "No camera was found. Connect one, then try again.",
  NotAllowedError: "The browser was not allowed to use the camera. Allow it in the browser's address bar.",
  NotReadableError: "The camera is in use by another program. Close that, then try again.",
  OverconstrainedError: "That camera is not connected any more. Choose another.",
};

function makeVideo() {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.preload = "auto";
  return video;
}

function ready(video) {
  return new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", resolve, { once: true });
    video.addEventListener("error", reject, { once: true });
  });
}

function videoSource(kind, name, video, close) {
  let shown = -1;
  let version = ++versions;
  const frame = () => {
    const now = kind === "camera" ? video.getVideoPlaybackQuality().totalVideoFrames : video.currentTime;
    if (now !== shown) version = ++versions;
    shown = now;
    return { image: video, width: video.videoWidth, height: video.videoHeight, version };
  };
  video.width = video.videoWidth; // WebGL and WebGPU take the element's own size
  video.height = video.videoHeight;
  return { kind, name, element: video, frame, close: () => { video.pause(); close(); video.srcObject = null; } };
}
