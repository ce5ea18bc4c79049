"""What a function is made of: image records and the files behind them."""
