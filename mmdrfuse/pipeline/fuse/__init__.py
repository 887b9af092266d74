"""One way through fusion, of pictures, of huge pictures in blocks, and of videos; and the manifest that says how."""
