"""How clients reach the broker."""
