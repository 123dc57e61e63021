package console

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// pages are the feeds of each page by its name; those of one thing take its id.
var pages = map[string]struct {
	feeds func(id string) []feed
	// check refuses an id; nil for a page that has none.
	check func(id string) error
}{
	"fleet":   {feeds: fleet},
	"jobs":    {feeds: jobs},
	"market":  {feeds: market},
	"events":  {feeds: events},
	"agent":   {feeds: agentDetail, check: idOf("agent")},
	"task":    {feeds: taskDetail, check: idOf("task")},
	"session": {feeds: sessionDetail, check: idOf("session")},
	"auction": {feeds: auctionDetail, check: idOf("auction")},
	"book":    {feeds: bookDetail, check: idOf("market")},
	"owner":   {feeds: ownerDetail, check: idOf("owner")},
}

func idOf(what string) func(string) error {
	return func(id string) error { return api.CheckID(what, id) }
}

func feedsOf(page, id string) ([]feed, error) {
	p, ok := pages[page]
	if !ok {
		names := []string{}
		for name := range pages {
			names = append(names, name)
		}
		slices.Sort(names)
		return nil, api.Errorf(api.NotFound, "there is no page %.64q, only %v", page, names)
	}
	if p.check == nil {
		if id != "" {
			return nil, api.Errorf(api.Invalid, "the page %s is not about one thing: leave the id out", page).WithFields("id")
		}
		return p.feeds(""), nil
	}
	if err := p.check(id); err != nil {
		return nil, err
	}
	return p.feeds(id), nil
}
