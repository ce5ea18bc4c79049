"""Requests in other forms: commands, HAR, tables; and bodies made readable."""
