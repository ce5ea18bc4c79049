// "Copy as…": the request as a command or in a file's format, made by the server.

import { binPath } from "../../api.js";
import { copyText } from "../../../../web/clipboard.js";
import { createMenu } from "../../components/menu.js";
import { showError, toast } from "../../components/toast.js";

const FORMATS = ["curl", "python", "httpie", "http", "har"];

export function copyMenu({ api, words }, request) {
  const path = (format) => binPath(request.bin, `/requests/${request.id}/export?format=${format}`);

  async function copy(format) {
    try {
      const text = await api.get(path(format));
      await copyText(typeof text === "string" ? text : JSON.stringify(text, null, 2));
      toast(words("copy.done", { format: words(`format.${format}`) }));
    } catch (error) {
      if (error.isMissing) toast(words("missing"), "error");
      else showError(error);
    }
  }

  return createMenu(words("copy.as"), FORMATS.map((format) => ({ label: words(`format.${format}`), run: () => copy(format) })));
}
