"""What comes to risk from outside its log."""
