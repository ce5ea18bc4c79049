"""Speed, measured: every path of the lab next to the floor that it stands on."""
