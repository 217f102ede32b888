From: Anna Beispiel <anna10@example.org>
To: b@example.net
Subject: Message 10
Date: Tue, 3 Feb 2004 10:00:00 +0000
Message-ID: <10@example.org>

Hello.
