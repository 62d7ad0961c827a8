"""Words that stages share."""
